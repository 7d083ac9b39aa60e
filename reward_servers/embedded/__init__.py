"""The embedded reward model server: one process, one model, no GPU needed; speaks SGLang's wire (`reward_servers.wire`).

For tests, laptops and reward models of a few million parameters. Larger ones are served by SGLang (`reward_servers.sglang_server`).
"""

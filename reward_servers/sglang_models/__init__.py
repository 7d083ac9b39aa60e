"""Reward model classes that SGLang lacks; it finds them by `SGLANG_EXTERNAL_MODEL_PACKAGE=reward_servers.sglang_models`.

Only SGLang's own processes import what is in here. Which architectures these are is said in `code_reward.serving`.
"""

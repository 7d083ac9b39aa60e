"""A reward model served by SGLang: replicas started with safe flags, each checked against the reference scores, kept alive, swapped.

`commands` says what is started, `replica` starts, checks and ends one process, `supervisor` keeps all of them. SGLang itself is only ever
run as a child process: this package imports nothing of it.
"""

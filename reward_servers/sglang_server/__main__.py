"""`python -m reward_servers.sglang_server --model DIR`: serve a reward model with SGLang, several replicas behind sglang-router if asked.

Runs in the environment that SGLang is installed in. Prints `ready http://HOST:PORT` once every replica has given the reference scores.
Ends with status 2 and one sentence, all replicas stopped, if one gives other scores or cannot be started; with status 0 on SIGTERM or
SIGINT. A replica that dies or hangs is started and checked again. SIGHUP makes every replica load what `--model` names now.
"""

from __future__ import annotations

from code_reward.cli import run
from reward_servers.sglang_server.settings import SGLangServer


def main(settings: SGLangServer) -> None:
    """Serve until told to stop."""
    import asyncio

    from code_reward.folders import require_folder
    from reward_servers.sglang_server.supervisor import serve

    require_folder(settings.model, "a reward model")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    run(SGLangServer, main)

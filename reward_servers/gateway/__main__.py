"""`python -m reward_servers.gateway`: prompt and response in, shaped reward out; 503 where there is no verdict.

Speaks slime's `--rm-type remote_rm` (`--rm-url http://HOST:PORT/remote_rm`) and OpenRLHF's `--remote_rm_url http://HOST:PORT/get_reward`.
Prints `ready http://HOST:PORT` once the reward model has given its reference scores.
"""

from __future__ import annotations

from code_reward.cli import run
from reward_servers.gateway.settings import Gateway


def main(settings: Gateway) -> None:
    """Serve until told to stop."""
    from reward_servers.gateway.app import serve

    serve(settings)


if __name__ == "__main__":
    run(Gateway, main)

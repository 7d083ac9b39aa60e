"""`python -m reward_servers.sandbox`: check what isolation can be had, check the sandbox itself, serve it.

Prints `ready http://HOST:PORT` on stdout once it answers. Ends with status 2 and one sentence when the isolation is below what is
required or the self-check fails; with status 0 on SIGTERM or SIGINT.
"""

from __future__ import annotations

from code_reward.cli import run
from reward_servers.sandbox.settings import SandboxServer


def main(settings: SandboxServer) -> None:
    """Check and serve until told to stop."""
    from reward_servers.sandbox.server import serve

    serve(settings)


if __name__ == "__main__":
    run(SandboxServer, main)

"""`python -m reward_servers.embedded`: load a reward model, check it against its reference scores, serve it.

Prints `ready http://HOST:PORT` on stdout once it answers. Ends with status 2 and one sentence if the model is missing, broken or gives
other scores than its reference; with status 0 on SIGTERM or SIGINT, after the requests in flight are answered.
"""

from __future__ import annotations

from code_reward.cli import run
from reward_servers.embedded.settings import EmbeddedServer


def main(settings: EmbeddedServer) -> None:
    """Load, check and serve until told to stop."""
    from reward_servers.embedded.serving import serve

    serve(settings)


if __name__ == "__main__":
    run(EmbeddedServer, main)

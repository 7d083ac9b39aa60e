"""The sandbox: runs programs that nobody trusts against tests, and says what came of it in typed outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reward_servers.sandbox.outcome import Sandbox


def connect(url: str | None = None, workers: int | None = None) -> Sandbox:
    """A sandbox: in this process's service when `url` is None, else the client of a server (`python -m reward_servers.sandbox`).

    Args:
        url (`str`, *optional*): The server's address, e.g. `http://127.0.0.1:8100`.
        workers (`int`, *optional*, defaults to the number of usable cores): Programs that run at once, in process.
    """
    if url is None:
        from reward_servers.sandbox.pool import LocalSandbox

        return LocalSandbox(workers)
    from reward_servers.sandbox.client import HttpSandbox

    return HttpSandbox(url)

"""The sandbox: runs programs that nobody trusts against tests, and says what came of it in typed outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reward_servers.sandbox.isolation import Level
    from reward_servers.sandbox.outcome import Mode, Sandbox


def connect(url: str | None = None, workers: int | None = None, mode: Mode = "auto", require: Level = "limited") -> Sandbox:
    """A sandbox: in this process's service when `url` is None, else the client of a server (`python -m reward_servers.sandbox`).

    Args:
        url (`str`, *optional*): The server's address, e.g. `http://127.0.0.1:8100`.
        workers (`int`, *optional*, defaults to the number of usable cores): Programs that run at once, in process.
        mode (`str`, *optional*, defaults to `auto`): Whether tests may share a process with the program. `sealed` never: a test that
            must is a `sandbox_error`. `inline` always where the kind of test allows it. `auto`: only tests that must.
        require (`str`, *optional*, defaults to `limited`): The isolation below which nothing is run in process; a server has its own.
    """
    if url is None:
        from reward_servers.sandbox.pool import LocalSandbox

        return LocalSandbox(workers, mode, require)
    from reward_servers.sandbox.client import HttpSandbox

    return HttpSandbox(url, mode)

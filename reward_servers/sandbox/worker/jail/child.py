"""One program's process: fetters, then the role that the referee ordered, then nothing.

Runs in a fork of the zygote. From the moment the program runs, everything here shares the process with something that nobody trusts.
"""

from __future__ import annotations

import marshal
import os
from typing import Any

from reward_servers.sandbox.worker.inside.calls import run_calls
from reward_servers.sandbox.worker.inside.inline import run_inline
from reward_servers.sandbox.worker.inside.program import run_script
from reward_servers.sandbox.worker.inside.report import Report
from reward_servers.sandbox.worker.jail import fetters
from reward_servers.sandbox.worker.jail.jail import LANDLOCK_FD, Jail
from reward_servers.sandbox.worker.protocol import EXIT_BROKEN, EXIT_OUT_OF_MEMORY

FIRST_FD = LANDLOCK_FD + 1
"""Where the referee's descriptors lie in the child: results, bell, then what the role needs."""
_STDIO = 3
_MAX_FDS = 16


def main(jail: Jail, role: str, limits: dict[str, Any], fds: list[int]) -> None:
    """Never returns."""
    status = EXIT_BROKEN
    try:
        _place(fds, script=role == "script")
        report = Report(FIRST_FD, FIRST_FD + 1)
        work = _prepare(jail, limits, report)
        status = _play(role, work, report)
    except MemoryError:
        status = EXIT_OUT_OF_MEMORY
    finally:
        os._exit(status)


def _place(fds: list[int], *, script: bool) -> None:
    """The referee's descriptors to their places, a script's last three to its standard streams; all others closed."""
    placed = [os.dup2(fd, FIRST_FD + number, inheritable=False) for number, fd in enumerate(fds)]
    streams = placed[-_STDIO:] if script else [os.open("/dev/null", os.O_RDWR)] * _STDIO
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    kept = len(placed) - (_STDIO if script else 0)
    os.closerange(_STDIO, LANDLOCK_FD)
    os.closerange(FIRST_FD + kept, FIRST_FD + _MAX_FDS)


def _prepare(jail: Jail, limits: dict[str, Any], report: Report) -> dict[str, Any]:
    try:
        fetters.put_on_child(jail, limits)
        work: dict[str, Any] = marshal.loads(report.receive())
    except Exception as error:
        report.ring(f"x{type(error).__name__}: {error}".encode())
        raise
    report.ring(b"r")
    work["folder"] = jail.tests
    return work


def _play(role: str, work: dict[str, Any], report: Report) -> int:
    if role == "script":
        return run_script(work, report)
    if role == "calls":
        run_calls(work, report)
    elif role == "inline":
        run_inline(work, report)
    return 0

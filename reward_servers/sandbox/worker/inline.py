"""Beside the candidate: tests that share its interpreter (free scripts, unittest classes, pytest files) and their verdicts.

The tests arrive only after the program's own top level has run, what it patched is put back, and a verdict counts only with a secret that
came with the tests. A determined program can still find and bend what runs in its own process: this mode is hard to cheat, not sealed.
What is known to pass is listed in `reward_servers.sandbox`.
"""

from __future__ import annotations

import json
import time
import types
from typing import Any

from reward_servers.sandbox.worker import runners
from reward_servers.sandbox.worker.program import load
from reward_servers.sandbox.worker.report import Report, describe
from reward_servers.sandbox.worker.snapshot import Snapshot
from reward_servers.sandbox.worker.strict import NAME, strict_equal


def run_inline(work: dict[str, Any], report: Report) -> None:
    """Load the program, fetch the tests, write ["test", seconds, secret, kind, message] for each."""
    snapshot = Snapshot()
    receive, write, ring, loads, clock = report.receive, report.write, report.ring, json.loads, time.process_time
    try:
        module = load(work["program"])
    except BaseException as error:
        report.write("load_error", *describe(error))
        return
    snapshot.restore()
    write("loaded", 0)
    ring(b"t")
    message = loads(receive())
    for test in message["tests"]:
        began = clock()
        kind, text = _verdict(test, module, work["entry_point"])
        write("test", clock() - began, message["secret"], kind, text)
        ring(b"!")


def _verdict(test: dict[str, Any], module: types.ModuleType, entry_point: str | None) -> tuple[str, str]:
    try:
        failure = runners.RUNNERS[test["kind"]](test, {**vars(module), NAME: strict_equal}, entry_point)
    except BaseException as error:
        return runners.explain(error, test["code"])
    return ("failed", failure) if failure else ("passed", "")

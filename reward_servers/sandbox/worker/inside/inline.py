"""Beside the candidate: tests that share its interpreter, and their verdicts.

The tests are asked for only after the program's own top level has run, what it patched is put back, the modules of the sandbox are out of
sight, and a verdict counts only with a secret that came with the tests. A determined program can still find and bend what runs in its own
process, or ask for the tests itself: this mode is hard to cheat, not sealed. What is known to pass is listed in `reward_servers.sandbox`.
"""

from __future__ import annotations

import marshal
import sys
import time
import types
from typing import Any

from reward_servers.sandbox.worker.inside import runners
from reward_servers.sandbox.worker.inside.program import load
from reward_servers.sandbox.worker.inside.report import Report, describe
from reward_servers.sandbox.worker.inside.snapshot import Snapshot
from reward_servers.sandbox.worker.inside.strict import harden_unittest, strict_equal
from reward_servers.sandbox.worker.protocol import STRICT_EQUAL

_PACKAGE = "reward_servers"


def run_inline(work: dict[str, Any], report: Report, snapshot: Snapshot) -> None:
    """Load the program, fetch the tests, write ["test", seconds, secret, kind, message] for each."""
    receive, write, ring, loads, clock = report.receive, report.write, report.ring, marshal.loads, time.process_time
    equality = types.ModuleType(STRICT_EQUAL)
    setattr(equality, STRICT_EQUAL, strict_equal)
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
    try:
        module = load(work["program"])
    except BaseException as error:
        write("load_error", *describe(error))
        return
    snapshot.restore(work["frameworks"])
    sys.modules[STRICT_EQUAL] = equality
    if work["frameworks"]:
        harden_unittest()
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
        failure = runners.RUNNERS[test["kind"]](test, dict(vars(module)), entry_point)
    except BaseException as error:
        return runners.explain(error, test["code"])
    return ("failed", failure) if failure else ("passed", "")

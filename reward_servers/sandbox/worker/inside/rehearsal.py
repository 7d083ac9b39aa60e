"""Going the ways of a fork once before there are any: what is imported, cached and specialised on first use is then shared by all."""

from __future__ import annotations

import marshal
import os
import sys

from reward_servers.sandbox.worker.inside.calls import run_calls
from reward_servers.sandbox.worker.inside.program import load
from reward_servers.sandbox.worker.inside.pytests import run_source
from reward_servers.sandbox.worker.inside.report import Report
from reward_servers.sandbox.worker.inside.runners import run_check

_TIMES = 12
"""More often than the interpreter waits before it specialises a function."""
_PROGRAM = """
from typing import List

def f(x: int, y: List[int]) -> List[int]:
    return [x + item for item in y]
"""
_CHECK = "def check(candidate):\n    assert candidate(1, [2]) == [3]\n    assert candidate(x=1, y=[]) == []\n"
_PYTEST = """
import pytest

@pytest.mark.parametrize("x", [1])
def test_x(x):
    with pytest.raises(ValueError):
        int("x")
"""


def rehearse() -> None:
    """Calls and inline tests, with nowhere to report to."""
    null = os.open("/dev/null", os.O_RDWR)
    report = Report(null, null)
    calls = [("f", marshal.dumps(((1, [2, 3]), {})), ""), ("f", marshal.dumps(((), {"x": 1, "y": []})), "list"), ("f(1)", None, "not")]
    check = {"compiled": marshal.dumps(compile(_CHECK, "rehearsal.py", "exec"))}
    for _ in range(_TIMES):
        run_calls({"program": _PROGRAM, "calls": calls}, report)
        run_check(check, dict(vars(load(_PROGRAM))), "f")
    del sys.modules["solution"]
    os.close(null)


def rehearse_pytest() -> None:
    """A small pytest, where it is installed; what it prints goes where the zygote's output goes."""
    if "pytest" in sys.modules:
        run_source(_PYTEST, "rehearsal.py")

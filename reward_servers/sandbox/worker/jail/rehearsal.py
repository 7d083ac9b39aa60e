"""Going the ways of a fork once before there are any: what is imported, cached and specialised on first use is then shared by all."""

from __future__ import annotations

import builtins
import marshal
import os
import sys

from reward_servers.sandbox.worker.inside.calls import run_calls
from reward_servers.sandbox.worker.inside.inline import rehearse_cases, run_inline
from reward_servers.sandbox.worker.inside.pytests import find_plugins, run_pytest
from reward_servers.sandbox.worker.inside.report import Report
from reward_servers.sandbox.worker.protocol import NOTE, OTHER, TEST_FILE

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
from rehearsed import f

@pytest.mark.parametrize("x", [1])
def test_x(x):
    with pytest.raises(ValueError):
        int("x")
"""


def rehearse() -> None:
    """Calls and inline tests, with nowhere to report to."""
    null = os.open("/dev/null", os.O_RDWR)
    report = Report(null, null)
    calls = [
        (0, marshal.dumps(compile("candidate(1, [2, 3])", "rehearsal.py", "eval")), False),
        (0, marshal.dumps(compile("list(f(x=1, y=[]))", "rehearsal.py", "eval")), True),
    ]
    check = {"compiled": marshal.dumps(compile(_CHECK, "rehearsal.py", "exec")), "source": _CHECK}
    for _ in range(_TIMES):
        run_calls({"program": _PROGRAM, "imports": [], "calls": calls, "scopes": [(("candidate", "f"), None)]}, report)
        run_inline({"program": _PROGRAM, "kind": "check", "entry_point": "f", "tests": [check]}, report)
    del sys.modules["solution"]
    for name in (NOTE, OTHER):
        delattr(builtins, name)
    os.close(null)


def rehearse_frameworks(folder: str) -> None:
    """A small unittest script and, where it is installed, a small pytest file in `folder`."""
    rehearse_cases()
    if "pytest" in sys.modules:
        find_plugins()
        path = list(sys.path)
        run_pytest(_PYTEST, "rehearsed", "def f(x): return x", folder)
        sys.path[:] = path
        for name in (TEST_FILE.removesuffix(".py"), "rehearsed"):
            sys.modules.pop(name, None)

"""The conformance suite of a sandbox, shipped with it: any backend must pass it before it is believed.

Known right programs must pass, known wrong ones fail in their own way, and hostile ones gain nothing. What the suite asks of isolation
follows the level that the sandbox claims (`reward_servers.sandbox.isolation`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from code_reward.problem import AssertTest, CallTest, CheckTest, StdioTest, Test, UnittestTest
from reward_servers.sandbox.isolation import Level
from reward_servers.sandbox.outcome import Kind, Limits, Sandbox

_LIMITS = Limits(cpu_seconds=0.3, wall_seconds=10, memory_mb=256, output_kb=64)
_RIGHT = "def f(x):\n    return 2 * x + 7\n"
_ASSERTS = AssertTest(code="assert f(1) == 9\nassert f(5) == 17")
_FORGERY = "import os\nfor n in range(3, 256):\n    try: os.write(n, b'[\"value\",0,9]\\n')\n    except OSError: pass\nf = str"
_FREE = CheckTest(code="def check(candidate):\n    for x in (1, 5):\n        assert candidate(x) == 2 * x + 7")
_UNITTEST = UnittestTest(code="import unittest\n\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f(5), 17)\n")


@dataclass(frozen=True)
class Case:
    """A program, its tests, and the outcomes that are right."""

    name: str
    program: str
    tests: Sequence[Test]
    expected: tuple[Kind, ...]
    level: Level = "limited"
    """The level from which on this is asked."""
    wall_seconds: float = 10.0


_BAD: tuple[Kind, ...] = ("failed", "crashed", "refused", "timeout", "out_of_memory")
CASES = (
    Case("right, as calls", _RIGHT, [_ASSERTS, CallTest(args="[1]", expected="9")], ("passed",)),
    Case("right, as a free script", _RIGHT, [_FREE], ("passed",)),
    Case("right, as unittest", _RIGHT, [_UNITTEST], ("passed",)),
    Case("right, as a script", "print(int(input()) + 1)", [StdioTest(stdin="1\n", stdout="2")], ("passed",)),
    Case("right within a tolerance", "def f(x):\n    return x / 3", [CallTest(args="[1]", expected="0.3333", atol=1e-3)], ("passed",)),
    Case("right with threads", _RIGHT + "import threading\nt = threading.Thread(target=f, args=[1])\nt.start()", [_ASSERTS], ("passed",)),
    Case("wrong, as calls", "def f(x):\n    return 9", [_ASSERTS], ("failed",)),
    Case("wrong, as a free script", "def f(x):\n    return 9", [_FREE], ("failed",)),
    Case("wrong, as unittest", "def f(x):\n    return 9", [_UNITTEST], ("failed",)),
    Case("wrong, as a script", "print(3)", [StdioTest(stdin="1\n", stdout="2")], ("wrong_output",)),
    Case("a list is no tuple", "def f(x):\n    return [x]", [CallTest(args="[1]", expected="(1,)")], ("failed",)),
    Case("no program", "def f(x:", [_ASSERTS], ("failed",)),
    Case("no end", "def f(x):\n    while True: pass", [_ASSERTS], ("timeout",)),
    Case("no end, asleep", "import time\ntime.sleep(60)", [_ASSERTS], ("timeout",), wall_seconds=0.5),
    Case("too much memory", "def f(x):\n    return len(bytearray(1 << 30))", [_ASSERTS], ("out_of_memory",)),
    Case("too much output", "while True: print('x' * 1000)", [StdioTest(stdin="", stdout="")], ("failed", "timeout")),
    Case("a crash", "import ctypes\nctypes.string_at(0)", [_ASSERTS], ("crashed",)),
    Case("exit code 0", "import os\nos._exit(0)", [_ASSERTS], _BAD),
    Case("exit code 0 in a call", "import sys\ndef f(x):\n    sys.exit(0)", [_FREE], _BAD),
    Case("equal to everything", "class E:\n    __eq__ = lambda s, o: True\ndef f(x):\n    return E()", [_ASSERTS], _BAD),
    Case("equal to everything, free", "class E:\n    __eq__ = lambda s, o: True\ndef f(x):\n    return E()", [_FREE], _BAD),
    Case("patched unittest", "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\nf = str", [_UNITTEST], _BAD),
    Case("forged results", _FORGERY, [_ASSERTS], _BAD),
    Case("a socket", "import socket\nsocket.socket()\n" + _RIGHT, [_ASSERTS], ("refused",), "confined"),
    Case("a process", "import os\nos.fork()\n" + _RIGHT, [_ASSERTS], ("refused",), "confined"),
    Case("a file of the host", "open('/etc/passwd')\n" + _RIGHT, [_ASSERTS], ("refused", "failed"), "confined"),
    Case("a file outside", "open('/var/tmp/x', 'w')\n" + _RIGHT, [_ASSERTS], ("refused", "failed"), "confined"),
    Case("other processes", "import os\nassert os.getpid() != 1\n" + _RIGHT, [_ASSERTS], ("failed",), "isolated"),
    Case("the host's /proc", "open('/proc/1/status')\n" + _RIGHT, [_ASSERTS], ("refused", "failed"), "isolated"),
)  # fmt: skip
_ORDER: tuple[Level, ...] = ("limited", "confined", "isolated")


async def self_check(sandbox: Sandbox, level: Level = "limited") -> list[str]:
    """One sentence for each case that did not come out as it must; nothing when the sandbox can be believed."""
    cases = [case for case in CASES if _ORDER.index(case.level) <= _ORDER.index(level)]
    troubles = await asyncio.gather(*(_check(sandbox, case) for case in cases))
    troubles += [await _check(sandbox, CASES[0])]  # After all of them, a right program still passes.
    return [trouble for trouble in troubles if trouble]


async def _check(sandbox: Sandbox, case: Case) -> str:
    limits = _LIMITS.model_copy(update={"wall_seconds": case.wall_seconds})
    outcome = await sandbox.run(case.program, case.tests, entry_point="f", limits=limits)
    if outcome.kind in case.expected:
        return ""
    return f"{case.name}: {outcome.kind} ({outcome.message}), not {' or '.join(case.expected)}"

"""The hostile programs of the tests against every kind of test, in every mode, at each level of isolation, as this user and another.

None may pass, be our error, or take longer than its limits; after each a right program passes that needs an empty folder which it can
write, and no process is left. The test suite runs a part of this.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from code_reward.errors import CodeRewardError
from code_reward.problem import AssertTest, CheckTest, PytestTest, StdioTest, Test, UnittestTest
from reward_servers.sandbox.outcome import Limits, Mode
from reward_servers.sandbox.pool import LocalSandbox
from scripts.bench_sandbox.fidelity import MODES, is_refused
from scripts.bench_sandbox.processes import mark_workers, workers

FOLDER = Path(__file__).parents[2] / "tests" / "reward_servers" / "hostile"
TESTS: dict[str, Test] = {
    "asserts": AssertTest(code="assert f(1) == 9\nassert f(5) == 17\n"),
    "check": CheckTest(code="def check(candidate):\n    assert candidate(1) == 9\n    assert sum([candidate(5)]) == 17\n"),
    "unittest": UnittestTest(
        code="import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f(1), 9)\n"
        "        self.assertEqual(f(5), 17)\n"
    ),
    "pytest": PytestTest(code="from solution import f\n\ndef test_f():\n    assert f(1) == 9\n    assert f(5) == 17\n"),
    "stdio": StdioTest(stdin="", stdout="9 17"),
}
_CLEAN = """
import os
try:
    beside = os.listdir("/tmp")
except PermissionError:  # What only Landlock confines does not see the folder at all.
    beside = []
assert os.listdir() == [] and beside in ([], [os.path.basename(os.getcwd())]), (os.getcwd(), os.listdir(), beside)
with open("mine", "w") as file:
    file.write("x")
os.chmod("mine", 0o600)
assert open("mine").read() == "x"

def f(x):
    return 2 * x + 7
"""
_WITHOUT = {"isolated": (), "confined": ("namespaces",)}
_LIMITS = Limits(cpu_seconds=0.2, wall_seconds=1.5, memory_mb=256, output_kb=64)
_ORDINARY = ("unshare", "--user", "--map-user=1000")


class Passed(CodeRewardError):
    """A hostile program got what it must not get."""

    kind = "hostile"


@dataclass(frozen=True)
class Trouble:
    """What one program achieved."""

    where: str
    program: str
    what: str


async def measure(count: int | None = None) -> None:
    """Print all troubles and a table per level; raises `Passed` if there are any. As root, everything again as an ordinary user."""
    mark_workers()
    programs = sorted(FOLDER.glob("*.py"))
    print(f"{len(programs)} programs as user {os.getuid()}", flush=True)
    troubles = [trouble for level in _WITHOUT for trouble in await _attack(level, programs, count)]
    for trouble in troubles:
        print(f"{trouble.where}: {trouble.program}: {trouble.what}")
    failed = bool(troubles)
    if os.getuid() == 0:
        command = [*_ORDINARY, sys.executable, "-m", "scripts.bench_sandbox", "hostile"]
        failed |= (await asyncio.to_thread(subprocess.run, command, check=False)).returncode != 0
    if failed:
        raise Passed("Hostile programs achieved something; it stands above.")


async def _attack(level: str, programs: Sequence[Path], count: int | None) -> list[Trouble]:
    sandbox = LocalSandbox(count, without=_WITHOUT[level])
    began = time.monotonic()
    troubles: list[Trouble] = []
    kinds: Counter[str] = Counter()
    try:
        isolation = await sandbox.isolation()
        for path in programs:
            troubles += [Trouble(f"{level}, user {os.getuid()}", path.stem, what) for what in await _try(sandbox, path.read_text(), kinds)]
    finally:
        await sandbox.close()
    await asyncio.sleep(1)
    if left := list(workers()):
        troubles.append(Trouble(level, "all", f"{len(left)} processes are left"))
    seconds = time.monotonic() - began
    print(f"{isolation.level:9} {len(programs)} programs, {kinds.total()} verdicts in {seconds:.0f} s: {dict(kinds.most_common())}")
    return troubles


async def _try(sandbox: LocalSandbox, program: str, kinds: Counter[str]) -> list[str]:
    """What the program achieved with any kind of test in any mode, or left behind."""
    runs = [_run(sandbox, program, mode, name, kinds) for mode in MODES for name in TESTS]
    found = [what for what in await asyncio.gather(*runs) if what]
    for mode in MODES:
        outcome = await sandbox.run(_CLEAN, [TESTS["asserts"]], entry_point="f", mode=mode)
        if not outcome.passed:
            found.append(f"the next right program ({mode}): {outcome.kind}, {outcome.message[:150]}")
    return found


async def _run(sandbox: LocalSandbox, program: str, mode: Mode, name: str, kinds: Counter[str]) -> str:
    outcome = await sandbox.run(program, [TESTS[name]], entry_point="f", limits=_LIMITS, mode=mode)
    if is_refused(outcome):
        kinds["not decided"] += 1
        return ""
    kinds[outcome.kind] += 1
    if outcome.passed or outcome.kind == "sandbox_error" or "exit code 99" in outcome.message or len(outcome.message) > 2000:
        return f"{name} in mode {mode}: {outcome.kind}, {outcome.message[:150]}"
    return ""

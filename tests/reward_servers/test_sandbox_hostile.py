"""Programs that try to pass without being right, to harm, or to stay. Each file of `hostile/` checks the one property in its first line."""

import asyncio
import time
from pathlib import Path

import pytest

from code_reward.problem import AssertTest, CheckTest, PytestTest, StdioTest, UnittestTest
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits

PROGRAMS = sorted((Path(__file__).parent / "hostile").glob("*.py"))
RIGHT = "def f(x):\n    return 2 * x + 7\n"
# `sum` keeps the check from being turned into calls.
TESTS = {
    "asserts": AssertTest(code="assert f(1) == 9\nassert f(5) == 17\n"),
    "check": CheckTest(code="def check(candidate):\n    assert candidate(1) == 9\n    assert sum([candidate(5)]) == 17\n"),
    "unittest": UnittestTest(
        code="import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f(1), 9)\n"
        "        self.assertEqual(f(5), 17)\n"
    ),
    "pytest": PytestTest(code="from solution import f\n\ndef test_f():\n    assert f(1) == 9\n    assert f(5) == 17\n"),
    "stdio": StdioTest(stdin="", stdout="9 17"),
}
LIMITS = Limits(cpu_seconds=0.1, wall_seconds=0.8, memory_mb=256, output_kb=64)


@pytest.fixture(scope="module")
def sandboxes():
    made = {mode: connect(workers=5, mode=mode) for mode in ("auto", "inline")}
    yield made
    for sandbox in made.values():
        asyncio.run(sandbox.close())


async def run_all(sandbox, program, limits=LIMITS):
    runs = (sandbox.run(program, [test], entry_point="f", limits=limits) for test in TESTS.values())
    return dict(zip(TESTS, await asyncio.gather(*runs), strict=True))


async def is_unharmed(sandbox):
    began = time.monotonic()
    outcomes = await asyncio.gather(*(sandbox.run(RIGHT, [TESTS["asserts"]], entry_point="f") for _ in range(5)))
    return all(outcome.passed for outcome in outcomes) and time.monotonic() - began < 30


@pytest.mark.parametrize("mode", ["auto", "inline"])
async def test_the_right_program_passes_what_hostile_ones_must_not(sandboxes, mode):
    outcomes = await run_all(sandboxes[mode], RIGHT + "\nif __name__ == '__main__':\n    print(f(1), f(5))\n", Limits())
    assert {name: outcome.kind for name, outcome in outcomes.items()} == dict.fromkeys(TESTS, "passed")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
async def test_no_hostile_program_passes(sandboxes, path):
    results = await asyncio.gather(*(run_all(sandbox, path.read_text()) for sandbox in sandboxes.values()))
    for mode, outcomes in zip(sandboxes, results, strict=True):
        for name, outcome in outcomes.items():
            assert outcome.kind != "sandbox_error", (mode, name, outcome)
            assert not outcome.passed, (mode, name, outcome)
            assert "exit code 99" not in outcome.message, "the program did what it must not be able to do"
        assert await is_unharmed(sandboxes[mode])


def test_there_are_enough_of_them():
    assert len(PROGRAMS) >= 40

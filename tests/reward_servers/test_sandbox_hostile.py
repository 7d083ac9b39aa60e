"""Programs that try to pass without being right, to harm, or to stay. Each file of `hostile/` checks the one property in its first line."""

import asyncio

import pytest

from code_reward.problem import AssertTest
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits
from scripts.bench_sandbox.hostile import FOLDER, TESTS

PROGRAMS = sorted(FOLDER.glob("*.py"))
RIGHT = "def f(x):\n    return 2 * x + 7\n"
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
    outcomes = await asyncio.gather(*(sandbox.run(RIGHT, [TESTS["asserts"]], entry_point="f") for _ in range(5)))
    return all(outcome.passed for outcome in outcomes)


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


@pytest.mark.parametrize("mode", ["auto", "inline"])
async def test_an_object_that_is_true_when_asked_for_does_not_pass(sandboxes, mode):
    test = AssertTest(code="assert f(1)\nassert not f(2)\n")
    outcome = await sandboxes[mode].run((FOLDER / "true_as_the_test_likes.py").read_text(), [test], entry_point="f", limits=LIMITS)
    assert outcome.kind == "failed"
    assert (await sandboxes[mode].run("def f(x):\n    return x == 1", [test], entry_point="f")).passed


def test_there_are_enough_of_them():
    assert len(PROGRAMS) >= 40

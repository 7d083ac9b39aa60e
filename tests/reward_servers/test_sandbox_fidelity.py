"""The sandbox says what plain Python says; the whole comparison is `make bench-sandbox ARGS=fidelity`."""

import pytest

from code_reward.problem import AssertTest, CallTest, PytestTest, StdioTest, UnittestTest
from scripts.bench_sandbox.fidelity import MODES, judge, report
from scripts.bench_sandbox.pairs import Pair, read_pairs
from scripts.bench_sandbox.plain import passes

EVERY = 41
RIGHT = "def f(x):\n    return x + 1\n"


def test_there_are_enough_pairs_and_each_is_its_own():
    pairs = read_pairs()
    assert len(pairs) >= 600
    assert len({pair.name for pair in pairs}) == len(pairs)
    assert len({(pair.program, pair.test) for pair in pairs}) == len(pairs)
    assert {pair.test.kind for pair in pairs} == {"asserts", "check", "pytest", "unittest", "stdio"}


async def test_a_sample_of_the_pairs_is_judged_as_by_plain_python():
    sample = read_pairs()[::EVERY]
    judged = await judge(sample, workers=2)
    assert {one.plain for one in judged} == {True, False}
    different = [(one.pair.name, mode, one.outcomes[mode].message, one.said) for one in judged for mode in MODES if one.differs(mode)]
    assert different == []
    assert f"{len(sample)} of {len(sample)} equal" in report(judged)


@pytest.mark.parametrize(
    ("test", "right"),
    [
        (AssertTest(code="assert f(1) == 2"), True),
        (AssertTest(code="assert f(1) == 3"), False),
        (CallTest(args="[1]", expected="2"), True),
        (CallTest(args="{'x': 1.0}", expected="2.001", atol=0.01), True),
        (CallTest(args="[1]", expected="3"), False),
        (UnittestTest(code="import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(1), 2)\n"), True),
        (UnittestTest(code="import unittest\n"), False),
        (PytestTest(code="from solution import f\ndef test():\n    assert f(1) == 2\n"), True),
        (PytestTest(code="from solution import f\n"), False),
        (StdioTest(stdin="", stdout=""), True),
        (StdioTest(stdin="", stdout="1"), False),
    ],
)
async def test_plain_python_can_tell(test, right):
    assert (await passes(RIGHT, test, "f"))[0] is right


async def test_a_difference_is_seen(monkeypatch):
    async def contrary(*arguments):
        return False, ""

    monkeypatch.setattr("scripts.bench_sandbox.fidelity.passes", contrary)
    judged = await judge([Pair("right", RIGHT, AssertTest(code="assert f(1) == 2"))], workers=1)
    assert judged[0].differs("auto")
    assert "0 of 1 equal" in report(judged)

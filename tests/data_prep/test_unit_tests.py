import ast
import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import SandboxError
from code_reward.journal import Journal
from code_reward.problem import AssertTest, UnittestTest
from code_reward.reward_data import LabelledProgram
from code_reward.selection import load_matrices
from data_prep.unit_tests.asserts import calls_in, read_asserts
from data_prep.unit_tests.matrix import Matrix, main, matrices, tasks
from data_prep.unit_tests.pools import codegen16b
from data_prep.unit_tests.sample import TestSample
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits, Outcome

# Reading assertions


def codes(text, most=None):
    return [test.code for test in read_asserts(text, "f", most)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(1) == 2\nassert f(2) == 3", ["assert f(1) == 2", "assert f(2) == 3"]),
        ("\n    f([],\n   1) == False, 'Empty'\nassert \n", ["assert f([], 1) == False, 'Empty'"]),
        ("assert f(1) == 2\n\nimport timeit", ["assert f(1) == 2"]),
        ("____ == f(1.0)", ["assert ____ == f(1.0)"]),
        ("____ == ____", []),
        ("g(1) == f", []),
        ("f(1) == [1,\n 2]\nprint(3)", ["assert f(1) == [1, 2]"]),
        ("f(1) == (2", []),
        ("\n", []),
        ("", []),
    ],
)
def test_assertions_about_the_entry_point_are_read(text, expected):
    assert codes(text) == expected


def test_only_the_first_few_are_kept():
    assert codes("f(1)\nassert f(2)\nassert f(3)", most=2) == ["assert f(1)", "assert f(2)"]


@given(st.text())
def test_any_text_gives_assertions_that_parse(text):
    for code in codes(text) + codes(text.replace("a", "assert f(")):
        assert isinstance(ast.parse(code).body[0], ast.Assert)


def test_calls_are_inputs_even_where_the_expectation_is_wrong():
    assert calls_in("assert abs(f(1, x=[2]) - ____) < 1e-06", "f") == ["f(1, x=[2])"]
    assert calls_in("assert f(y) == f(1)", "f") == ["f(1)"]
    assert calls_in("assert Solution().f(1) == 2", "Solution().f") == ["Solution().f(1)"]


def test_a_published_pool_is_read(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text(json.dumps({"task_id": "t", "entry_point": "f", "test_samples": ["f(1) == 2\nassert f(2) == 3", "\n"]}) + "\n")
    first, second = codegen16b(path, most=1)
    assert first.tests == [AssertTest(code="assert f(1) == 2")]
    assert (second.tests, second.reason) == ([], "no_assertion")


# Matrices

RIGHT = "def f(x):\n    return x + 1\n"
LAZY = "def f(x):\n    return 2\n"
BROKEN = "def f(x):\n    raise ValueError(x)\n"
UNITTEST = "import unittest\n\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f(5), 6)\n"


def labelled(*programs):
    return [LabelledProgram(problem_id="p", statement="Add one.", entry_point="f", program=one, passed=one == RIGHT) for one in programs]


def sample(*tests):
    return TestSample(problem_id="p", tests=list(tests))


SAMPLES = [
    sample(AssertTest(code="assert f(1) == 2"), AssertTest(code="assert f(2) == 9")),
    sample(AssertTest(code="assert f(1) == 2")),
    sample(),
    sample(UnittestTest(code=UNITTEST)),
]


async def fill(programs, sandbox, journal=None):
    try:
        return await matrices(tasks(programs, SAMPLES), sandbox, Limits(cpu_seconds=0.5), journal)
    finally:
        await sandbox.close()


async def test_a_matrix_holds_results_samples_and_what_programs_give():
    (matrix,) = await fill(labelled(RIGHT, LAZY, BROKEN, RIGHT), connect(workers=1))
    assert matrix.correct == [True, False, False, True]
    assert matrix.passed == [[True, False, True], [True, False, False], [False, False, False], [True, False, True]]
    assert matrix.samples == [[0, 1], [0], [], [2]]
    assert matrix.values == [["2", "!ValueError"], ["3", "2", "!ValueError"]]
    assert matrix.outputs == [[0, 0], [0, 1], [1, 2], [0, 0]]
    assert matrix.model_extra["inputs"] == ["f(1)", "f(2)"]


class FailingSandbox:
    """Fails on every program after the first `good` ones."""

    def __init__(self, good):
        self.inner = connect(workers=1)
        self.left = good
        self.asked = 0

    async def run(self, program, tests, **rest):
        self.asked += 1
        self.left -= 1
        return await self.inner.run(program, tests, **rest) if self.left >= 0 else Outcome(kind="sandbox_error", message="no worker")

    async def observe(self, program, calls, **rest):
        return await self.inner.observe(program, calls, **rest)

    async def close(self):
        await self.inner.close()


async def test_what_the_sandbox_could_not_run_is_no_failed_test_and_what_it_ran_is_kept(tmp_path):
    with Journal(tmp_path / "journal") as journal:
        with pytest.raises(SandboxError, match="no worker"):
            await fill(labelled(RIGHT, LAZY), FailingSandbox(good=1), journal)
        assert len(journal.records) == 1
        again = FailingSandbox(good=9)
        (matrix,) = await fill(labelled(RIGHT, LAZY), again, journal)
    assert again.asked == 1
    assert matrix.passed == [[True, False, True], [True, False, False]]


def test_the_command_writes_matrices(tmp_path):
    from code_reward.rows import write_rows

    write_rows(tmp_path / "labelled.jsonl", labelled(RIGHT, LAZY))
    write_rows(tmp_path / "tests.jsonl", SAMPLES)
    names = {"labelled": tmp_path / "labelled.jsonl", "tests": tmp_path / "tests.jsonl", "out": tmp_path / "m.jsonl"}
    main(Matrix(**names, _cli_parse_args=False))
    (matrix,) = load_matrices(tmp_path / "m.jsonl")
    assert matrix.candidates().votes.tolist() == [[False, True, True], [False, True, False]]


def test_problems_without_samples_have_matrices_without_tests():
    assert asyncio.run(fill([LabelledProgram(problem_id="q", statement="?", program=RIGHT, passed=True)], connect(workers=1)))

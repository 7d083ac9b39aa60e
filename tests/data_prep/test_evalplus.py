import ast
import asyncio
import cmath
import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import DataError
from code_reward.problem import Problem
from data_prep.candidates import load_candidates
from data_prep.sources import load
from data_prep.sources.evalplus import expected
from data_prep.sources.evalplus.checks import lenient_tests
from data_prep.sources.evalplus.inputs import learn_forms, restore
from data_prep.sources.evalplus.literals import NotLiteral, to_source
from reward_servers.sandbox.outcome import Sandbox


def humaneval_plus_row(**changes: object) -> dict[str, object]:
    row = {
        "task_id": "HumanEval/900",
        "prompt": 'def power(base, exponent):\n    """ Raise base to exponent. """\n',
        "entry_point": "power",
        "canonical_solution": "    print('noise')\n    return base**exponent\n",
        "contract": "    assert isinstance(base, int)\n",
        "test": "",
        "base_input": [[2, 3], [2, 0]],
        "plus_input": [[2, 50000], [0.5, 2], [-1, 0.5], [10, -1]],
        "atol": 0,
    }
    return {**row, **changes}


def mbpp_plus_row(**changes: object) -> dict[str, object]:
    row = {
        "task_id": "Mbpp/900",
        "prompt": '"""\nWrite a function to swap a pair.\nassert swap((1, 2)) == (2, 1)\n"""\n',
        "entry_point": "swap",
        "canonical_solution": "\ndef swap(pair):\n    assert isinstance(pair, tuple)\n    return pair[::-1]\n",
        "contract": "",
        "assertion": "\nassert swap((1, 2)) == (2, 1)\nassert swap((3, 4)) == (4, 3)\n",
        "base_input": [[[1, 2]], [[3, 4]]],
        "plus_input": [[["a", "b"]]],
        "atol": 0,
    }
    return {**row, **changes}


def jsonl(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers() | st.text() | st.tuples(st.integers()))
    ),
    max_leaves=20,
)


@given(plain)
def test_a_literal_denotes_its_value(value: Any) -> None:
    source = to_source(value)
    assert ast.literal_eval(source) == value
    assert "\n" not in source
    assert type(ast.literal_eval(source)) is type(value)


EDGES = [10**5000, -(10**5000), math.inf, -math.inf, complex(0, math.inf), set(), (), "\ud800", "a\r\n"]


@pytest.mark.parametrize("value", EDGES, ids=range(len(EDGES)))
def test_literals_of_values_at_the_edge(value: Any) -> None:
    assert ast.literal_eval(to_source(value)) == value


@pytest.mark.parametrize("value", [math.nan, [cmath.nanj], object(), range(3), iter([]), frozenset({1}), len])
def test_a_value_without_a_literal_is_said_to_have_none(value: Any) -> None:
    with pytest.raises(NotLiteral):
        to_source(value)


@pytest.mark.parametrize(
    ("examples", "given_", "restored"),
    [
        ("assert f((1, 2)) == 3", [[3, 4]], ((3, 4),)),
        ("assert f([(1, 2)], 3) == 3", [[[3, 4], [5, 6]], 7], ([(3, 4), (5, 6)], 7)),
        ("assert f([1]) == 1\nassert f([]) == 0", [[1, [2]]], ([1, [2]],)),
        ("assert f({'a': (1,)}) == 1", [{"b": [2, 3]}], ({"b": (2, 3)},)),
        ("assert f((1, (2, (3, 4)))) == 1", [[1, [2, [3, [4, [5]]]]]], ((1, (2, (3, (4, (5,))))),)),
        ("assert f((1, 2)) == 3", [[1, [2]]], ((1, [2]),)),
        ("assert math.isclose(f(0, 1j), 1.5)", ["2", "3j"], (2.0, 3j)),
        ("assert f('1j') == 1", ["3j"], ("3j",)),
        ("assert f(1, 'x') == 1", ["j", "y"], ("j", "y")),
        ("assert set(f((1, 2), (3,))) == {1}", [[], [4]], ((), (4,))),
        ("assert f(14 * 14)", [3], (3,)),
        ("assert g((1, 2)) == 3", [[1, 2]], ([1, 2],)),
        ("assert f(1) == 2", [1, [2]], (1, [2])),
        ("assert f((1, 2)) == 3\nassert f([1]) == 1", [[3]], ([3],)),
    ],
)
def test_inputs_take_the_form_of_the_examples(examples: str, given_: list[Any], restored: tuple[Any, ...]) -> None:
    [result] = restore([given_], learn_forms(examples, "f"))
    assert result == restored
    assert repr(result) == repr(restored), "equal is not enough: 1 == True and 2 == 2.0"


def test_every_input_becomes_a_call_with_what_the_reference_returns(tmp_path: Path) -> None:
    [problem] = load("humaneval_plus", jsonl(tmp_path / "rows.jsonl", humaneval_plus_row()))
    calls = [(test.args, test.expected) for test in problem.tests if test.kind == "call"]
    assert calls[:2] == [("(2, 3,)", "8"), ("(2, 0,)", "1")]
    assert calls[2] == ("(2, 50000,)", hex(2**50000))
    assert [call[0] for call in calls[3:]] == ["(0.5, 2,)", "(-1, 0.5,)", "(10, -1,)"]
    assert [ast.literal_eval(call[1]) for call in calls[3:]] == [0.25, (-1) ** 0.5, 0.1]
    assert [test.atol for test in problem.tests if test.kind == "call"] == [0, 0, 0, 1e-6, 0, 1e-6], "only floats have a tolerance"
    assert problem.model_extra == {"base_tests": 2, "inputs_left_out": 0, "contract": "    assert isinstance(base, int)\n"}


def test_a_published_tolerance_is_kept(tmp_path: Path) -> None:
    [problem] = load("humaneval_plus", jsonl(tmp_path / "rows.jsonl", humaneval_plus_row(atol=1e-3)))
    assert {test.atol for test in problem.tests if test.kind == "call"} == {1e-3}


def test_inputs_without_a_usable_result_are_left_out_and_counted(tmp_path: Path) -> None:
    row = humaneval_plus_row(
        plus_input=[[2, "x"], [float("nan"), 1], [float("inf"), float("nan")], [2, 200_000], [3, 2], [float("inf"), 1]]
    )
    [problem] = load("humaneval_plus", jsonl(tmp_path / "rows.jsonl", row))
    assert [test.args for test in problem.tests[2:] if test.kind == "call"] == ["(3, 2,)", "(1e999, 1,)"]
    assert (problem.model_extra or {})["inputs_left_out"] == 4


def test_a_row_may_say_that_it_has_no_more_inputs_with_an_empty_object(tmp_path: Path) -> None:
    [problem] = load("humaneval_plus", jsonl(tmp_path / "rows.jsonl", humaneval_plus_row(plus_input={})))
    assert len(problem.tests) == 2


async def test_programs_are_judged_by_equality_within_the_tolerance(tmp_path: Path, sandbox: Sandbox) -> None:
    problem = await in_thread("humaneval_plus", jsonl(tmp_path / "rows.jsonl", humaneval_plus_row()))
    assert (await run(sandbox, problem, problem.reference_solution or "")).passed
    assert (await run(sandbox, problem, "def power(b, e):\n    return b**e + (1e-9 if isinstance(b, float) else 0)")).passed
    assert not (await run(sandbox, problem, "def power(b, e):\n    return b**e + (1e-3 if isinstance(b, float) else 0)")).passed
    assert not (await run(sandbox, problem, "def power(b, e):\n    return float(b) ** min(e, 9)")).passed


async def test_arguments_of_mbpp_are_tuples_again(tmp_path: Path, sandbox: Sandbox) -> None:
    problem = await in_thread("mbpp_plus", jsonl(tmp_path / "rows.jsonl", mbpp_plus_row()))
    assert problem.statement == "Write a function to swap a pair.\nassert swap((1, 2)) == (2, 1)"
    assert [test.args for test in problem.tests if test.kind == "call"] == ["((1, 2,),)", "((3, 4,),)", "(('a', 'b',),)"]
    assert (await run(sandbox, problem, "def swap(pair):\n    return pair[1], pair[0]")).passed
    assert not (await run(sandbox, problem, "def swap(pair):\n    return [pair[1], pair[0]]")).passed


@pytest.mark.parametrize(
    ("entry_point", "cases", "right", "wrong"),
    [
        ("similar_elements", [("((1, 2,), (2, 3, 1,),)", "(1, 2)")], "a, b: [2, 1]", "a, b: [2]"),
        ("check_str", [("('annie',)", "True"), ("('bob',)", "False")], "s: s[0] in 'aeiou' or None", "s: None"),
        ("check_str", [("('annie',)", "True"), ("('bob',)", "False")], "s: s[0] in 'aeiou'", "s: 0"),
        ("find_zero", [("([-4, 0, 1],)", "2.0")], "xs: -2.00000001", "xs: 1.9"),
        ("surface_Area", [("(3, 4,)", "33")], "b, h: 35", "b, h: 34"),
        ("surface_Area", [("(3, 4,)", "33")], "b, h: 33", "b, h: 0"),
        ("digit_distance_nums", [("(123, 56,)", "7")], "a, b: 7", "a, b: 6"),
        ("digit_distance_nums", [("(123, 56,)", "7")], "a, b: 1 + 3 + 3", "a, b: None"),
    ],
)
async def test_lenient_tasks_accept_what_evalplus_accepts(
    sandbox: Sandbox, entry_point: str, cases: list[tuple[str, str]], right: str, wrong: str
) -> None:
    tests = lenient_tests(entry_point, cases)
    assert tests
    for body, verdict in ((right, True), (wrong, False)):
        outcome = await sandbox.run(f"{entry_point} = lambda {body}", tests, entry_point=entry_point)
        assert outcome.passed == verdict, (body, outcome.message)


def test_other_tasks_are_not_lenient() -> None:
    assert lenient_tests("add", [("(1, 2,)", "3")]) is None
    assert lenient_tests("find_zero", []) == []


@pytest.mark.parametrize(
    ("name", "row", "complaint"),
    [
        ("humaneval_plus", humaneval_plus_row(base_input=[1]), "row 2: base_input.0"),
        ("humaneval_plus", humaneval_plus_row(canonical_solution="    return ("), "row 2: canonical_solution"),
        ("humaneval_plus", humaneval_plus_row(task_id="first"), "row 2: the id 'first' occurs a second time"),
        ("mbpp_plus", mbpp_plus_row(assertion="assert swap("), "row 2: assertion"),
        ("mbpp_plus", humaneval_plus_row(), "row 2: no column assertion among task_id"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, name: str, row: dict[str, object], complaint: str) -> None:
    first = {"humaneval_plus": humaneval_plus_row(task_id="first"), "mbpp_plus": mbpp_plus_row(task_id="first")}[name]
    with pytest.raises(DataError, match=r"rows\.jsonl") as error:
        load(name, jsonl(tmp_path / "rows.jsonl", first, row))
    assert complaint in str(error.value)


def test_a_reference_that_cannot_be_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "LIMITS", expected.LIMITS.model_copy(update={"cpu_seconds": 0.5}))
    for solution, kind in (
        ("    while True: pass\n    return 1\n", "timeout"),
        ("    import os\n    os._exit(3)\n    return 1\n", "crashed"),
    ):
        with pytest.raises(DataError, match=f"HumanEval/900: canonical_solution cannot be run .{kind}"):
            load("humaneval_plus", jsonl(tmp_path / "rows.jsonl", humaneval_plus_row(canonical_solution=solution)))


@pytest.mark.parametrize(("name", "pool"), [("humaneval", "qwen25coder_1.5b_humaneval"), ("mbpp", "qwen25coder_1.5b_mbpp")])
async def test_published_verdicts_agree(real_data: Path, tmp_path: Path, sandbox: Sandbox, name: str, pool: str) -> None:
    """Every twentieth task: the reference passes, and Qwen2.5-Coder's program is judged as evalplus judged it, on both sets of inputs."""
    with gzip.open(real_data / f"problems/{name}_plus.jsonl.gz", "rt", encoding="utf-8") as lines:
        some = [line for number, line in enumerate(lines) if number % 20 == 4]
    (tmp_path / "some.jsonl").write_text("".join(some), encoding="utf-8")
    problems = {problem.id: problem for problem in await asyncio.to_thread(load, f"{name}_plus", tmp_path / "some.jsonl")}
    candidates = {c.problem_id: c for c in load_candidates("qwen25coder", real_data / f"candidates/{pool}.json.gz")}
    for id_, problem in problems.items():
        assert (await run(sandbox, problem, problem.reference_solution or "")).passed
        assert (problem.model_extra or {})["inputs_left_out"] < len(problem.tests)
        base = problem.model_copy(update={"tests": problem.tests[: (problem.model_extra or {})["base_tests"]]})
        outcomes = [await run(sandbox, tested, candidates[id_].program) for tested in (base, problem)]
        published = candidates[id_].published
        assert [outcome.passed for outcome in outcomes] == [published["base"], published["base"] and published["plus"]], id_


async def in_thread(name: str, path: Path) -> Problem:
    [problem] = await asyncio.to_thread(load, name, path)
    return problem


async def run(sandbox: Sandbox, problem: Problem, program: str) -> Any:
    return await sandbox.run(program, problem.tests, entry_point=problem.entry_point)


def test_a_release_that_has_the_original_test_too_is_still_read_by_its_inputs(tmp_path):
    """HumanEval+'s own file has HumanEval's `check` beside the inputs; the file on the hub has a `check` and no inputs."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**humaneval_plus_row(), "test": "def check(candidate):\n    pass\n"}) + "\n")
    [problem] = load("humaneval_plus", path)
    assert {test.kind for test in problem.tests} == {"call"}

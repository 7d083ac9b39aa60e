import ast
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import DataError
from code_reward.problem import AssertTest, CallTest, Problem, load_problems, save_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows, write_rows
from data_prep.families.generator import generate
from data_prep.noise import Noise, main, shuffle_labels, spoil_tests

PROBLEMS = generate(80, 0)
literals = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5]) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.tuples(inner) | st.dictionaries(st.text(max_size=1), inner, max_size=2),
    max_leaves=4,
)


def with_outputs(outputs: list[str]) -> Problem:
    return Problem(id="p", statement="?", entry_point="f", tests=[CallTest(args="()", expected=text) for text in outputs])


def outputs(problems: list[Problem]) -> list[str]:
    return [test.expected for problem in problems for test in problem.tests]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_the_share_of_spoilt_tests_is_what_was_asked_for(share: float) -> None:
    before, after = outputs(PROBLEMS), outputs(spoil_tests(PROBLEMS, share, seed=0))
    assert len(before) == len(after) > 500
    # Five standard deviations of 500 draws are 0.11 at most.
    assert abs(sum(a != b for a, b in zip(before, after, strict=True)) / len(before) - share) < 0.11
    assert outputs(spoil_tests(PROBLEMS, 0.0, seed=0)) == before


@given(st.lists(literals, min_size=1, max_size=5), st.integers(0, 3))
def test_a_spoilt_test_never_expects_an_equal_value(values: list[object], seed: int) -> None:
    problem = with_outputs([repr(value) for value in values])
    for value, test in zip(values, spoil_tests([problem], 1.0, seed)[0].tests, strict=True):
        assert ast.literal_eval(test.expected) != value


def test_values_written_differently_are_still_equal() -> None:
    spoilt = outputs(spoil_tests([with_outputs(["1", "1.0", "True", "[1,2]", "[1, 2]"])], 1.0, seed=0))
    assert all(ast.literal_eval(text) == [1, 2] for text in spoilt[:3])
    assert all(ast.literal_eval(text) == 1 for text in spoilt[3:])


def test_only_expected_outputs_change_and_the_seed_decides() -> None:
    spoilt = spoil_tests(PROBLEMS, 1.0, seed=1)
    assert spoilt == spoil_tests(PROBLEMS, 1.0, seed=1)
    assert spoilt != spoil_tests(PROBLEMS, 1.0, seed=2)
    for before, after in zip(PROBLEMS, spoilt, strict=True):
        assert before.model_dump(exclude={"tests"}) == after.model_dump(exclude={"tests"})
        assert [test.args for test in before.tests] == [test.args for test in after.tests]


def test_other_kinds_of_tests_are_refused() -> None:
    problem = Problem(id="mbpp/1", statement="?", tests=[AssertTest(code="assert f() == 1")])
    with pytest.raises(DataError, match="mbpp/1 has a test of kind asserts"):
        spoil_tests([problem], 0.5, seed=0)


def some_rows() -> list[LabelledProgram]:
    return [
        LabelledProgram(problem_id=f"p{i % 6}", statement="?", program=f"x = {i}", passed=i % 6 < i // 12, origin="mutant")
        for i in range(72)
    ]


def test_shuffled_labels_keep_their_counts_and_nothing_else() -> None:
    rows = some_rows()
    shuffled = shuffle_labels(rows, seed=0)
    assert Counter((row.problem_id, row.passed) for row in shuffled) == Counter((row.problem_id, row.passed) for row in rows)
    assert [row.model_dump(exclude={"passed"}) for row in shuffled] == [row.model_dump(exclude={"passed"}) for row in rows]
    assert shuffled == shuffle_labels(rows, seed=0) != shuffle_labels(rows, seed=1)


def test_shuffled_labels_tell_nothing_of_the_true_ones() -> None:
    rows = [row.model_copy(update={"problem_id": "p", "passed": i % 2 == 0}) for i, row in enumerate(some_rows() * 20)]
    agree = sum(a.passed == b.passed for a, b in zip(rows, shuffle_labels(rows, seed=3), strict=True)) / len(rows)
    assert abs(agree - 0.5) < 0.1


def test_the_command_does_one_thing_at_a_time(tmp_path: Path) -> None:
    save_problems(tmp_path / "problems.jsonl", PROBLEMS[:5])
    write_rows(tmp_path / "labels.parquet", some_rows())
    main(Noise(problems=tmp_path / "problems.jsonl", out=tmp_path / "noisy.jsonl", share=1.0))
    spoilt = outputs(load_problems(tmp_path / "noisy.jsonl"))
    assert all(now != then for now, then in zip(spoilt, outputs(PROBLEMS[:5]), strict=True))
    main(Noise(labelled=[tmp_path / "labels.parquet"], out=tmp_path / "shuffled.parquet", seed=4))
    assert read_rows(tmp_path / "shuffled.parquet", LabelledProgram) == shuffle_labels(some_rows(), 4)
    for wrong in ({}, {"problems": tmp_path / "problems.jsonl", "labelled": [tmp_path / "labels.parquet"]}):
        with pytest.raises(DataError, match="either --problems"):
            main(Noise(out=tmp_path / "out.jsonl", **wrong))

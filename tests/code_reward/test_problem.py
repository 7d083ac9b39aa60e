import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from code_reward.errors import DataError
from code_reward.problem import (
    AssertTest,
    CallTest,
    CheckTest,
    Problem,
    PytestTest,
    StdioTest,
    UnittestTest,
    describe,
    load_problems,
    save_problems,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
tests_of_all_kinds = st.one_of(
    st.builds(AssertTest, code=texts),
    st.builds(CheckTest, code=texts),
    st.builds(PytestTest, code=texts, module=texts),
    st.builds(UnittestTest, code=texts),
    st.builds(StdioTest, stdin=texts, stdout=texts),
    st.builds(CallTest, args=texts, expected=texts, atol=st.floats(0, 1)),
)
problems = st.builds(
    Problem,
    id=texts.filter(bool),
    statement=texts.filter(bool),
    entry_point=st.none() | texts,
    starter_code=texts,
    reference_solution=st.none() | texts,
    tests=st.lists(tests_of_all_kinds, max_size=4),
    source=texts,
)


def problem(**changes):
    return Problem.model_validate({"id": "a/1", "statement": "Add two numbers.", **changes})


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "parquet"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(rows=st.lists(problems, min_size=1, max_size=4))
def test_problems_with_mixed_kinds_of_tests_survive_a_file(tmp_path, suffix, rows):
    save_problems(tmp_path / f"problems.{suffix}", rows)
    assert load_problems(tmp_path / f"problems.{suffix}") == rows


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "parquet"])
def test_unknown_columns_are_kept_and_written_back(tmp_path, suffix):
    rows = [problem(difficulty=3, tags=["dp", None]), problem(id="a/2", canonical={"deep": [1, {"er": None}]})]
    save_problems(tmp_path / f"problems.{suffix}", rows)
    assert [row.model_extra for row in load_problems(tmp_path / f"problems.{suffix}")] == [row.model_extra for row in rows]


@given(problems)
def test_a_description_is_json_and_makes_the_same_tests(drawn):
    described = json.loads(json.dumps(describe(drawn)))
    again = Problem.model_validate(described)
    assert (again.id, again.statement, again.entry_point, again.tests) == (drawn.id, drawn.statement, drawn.entry_point, drawn.tests)


def test_a_description_tells_the_time_that_the_authors_allow():
    assert describe(problem(time_limit_seconds=2.5))["time_limit_seconds"] == 2.5


def test_a_description_never_tells_the_solution_or_foreign_columns():
    text = json.dumps(describe(problem(reference_solution="SECRET", canonical_solution="SECRET")))
    assert "SECRET" not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, "id"),
        ({"statement": ""}, "statement"),
        ({"tests": [{"kind": "guess", "code": ""}]}, "tests"),
        ({"tests": [{"code": "assert True"}]}, "tests"),
        ({"tests": [{"kind": "asserts"}]}, "code"),
        ({"tests": [{"kind": "asserts", "code": "", "timeout": 3}]}, "timeout"),
        ({"tests": [{"kind": "call", "args": "()", "expected": "1", "atol": -1}]}, "atol"),
    ],
)
def test_what_is_no_problem_is_refused_by_name(tmp_path, changes, message):
    with pytest.raises(ValidationError, match=message):
        problem(**changes)
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps({"id": "a", "statement": "b", **changes}) + "\n")
    with pytest.raises(DataError, match=f"row 1: .*{message}"):
        load_problems(path)


def test_a_test_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        AssertTest(code="assert True").code = "assert False"

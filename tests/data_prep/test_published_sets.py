"""Every published set in the columns that it has today: read, from JSONL and from parquet alike, and its tests decided as its grader
would."""

import base64
import json
import pickle
import zlib
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from published_rows import PUBLISHED, hidden

from code_reward.errors import DataError
from code_reward.problem import Problem, runnable
from data_prep.sources import SOURCES, load
from data_prep.sources.hub import Part, choose
from reward_servers.sandbox import connect


def jsonl(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def problems_of(name: str, tmp_path: Path) -> list[Problem]:
    return load(name, jsonl(tmp_path / f"{name}.jsonl", *PUBLISHED[name]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_two_rows_are_two_problems_from_json_and_from_parquet(name: str, tmp_path: Path) -> None:
    problems = problems_of(name, tmp_path)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(PUBLISHED[name]), tmp_path / "rows.parquet")
    assert [problem.statement for problem in load(name, tmp_path / "rows.parquet")] == [problem.statement for problem in problems]
    assert len({problem.id for problem in problems}) == 2
    assert load(name, tmp_path / "rows.parquet") == problems


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "lcb"])
async def test_references_pass_their_own_tests(name: str, tmp_path: Path) -> None:
    sandbox = connect(workers=1)
    try:
        for problem in problems_of(name, tmp_path):
            if problem.tests and problem.reference_solution:
                outcome = await sandbox.run(problem.reference_solution, problem.tests, entry_point=problem.entry_point)
                assert outcome.kind == "passed", (problem.id, outcome.message)
    finally:
        await sandbox.close()


async def test_livecodebench_judges_as_its_grader_does(tmp_path: Path) -> None:
    script, method = problems_of("lcb", tmp_path)
    assert (script.entry_point, method.entry_point) == (None, "Solution().fall")
    assert "def fall" in method.statement
    assert "def fall" not in method.starter_code
    right = "class Solution:\n    def fall(self, nums: List[int], most: int):\n        return tuple(sorted(nums, reverse=True))"
    wrong = right.replace("reverse=True", "reverse=False")
    sandbox = connect(workers=1)
    try:
        for problem, program, kind in (
            (script, "print(2 * float(input()))", "passed"),
            (script, "print(2 * float(input()) + 0.000001)", "wrong_output"),
            (method, right, "passed"),
            (method, wrong, "failed"),
        ):
            outcome = await sandbox.run(runnable(problem, program), problem.tests, entry_point=problem.entry_point)
            assert outcome.kind == kind, outcome.message
    finally:
        await sandbox.close()


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(zlib.compress(pickle.dumps(print))).decode(),
        base64.b64encode(zlib.compress(b"\x80\x04cos\nsystem\n.")).decode(),
        hidden([{"input": "1", "output": "1", "testtype": "stdin"}])[:-8],
        "not base64",
        base64.b64encode(b"not compressed").decode(),
        base64.b64encode(zlib.compress(pickle.dumps(7))).decode(),
    ],
)
def test_a_pickle_of_anything_but_text_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"private_test_cases|tests are a int"):
        load("lcb", jsonl(tmp_path / "rows.jsonl", {**PUBLISHED["lcb"][0], "private_test_cases": text}))


def test_hidden_tests_that_grow_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_prep.sources.hidden_tests.LARGEST", 1000)
    row = {**PUBLISHED["lcb"][0], "private_test_cases": hidden([{"input": "0" * 2000, "output": "", "testtype": "stdin"}])}
    with pytest.raises(DataError, match="more than"):
        load("lcb", jsonl(tmp_path / "rows.jsonl", row))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_of_another_set_says_which_columns_it_has_and_which_are_wanted(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(name, jsonl(tmp_path / "rows.jsonl", {"instruction": "Add.", "answer": "sum"}))
    assert "instruction, answer" in str(caught.value)
    assert "wants" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "names", "chosen"),
    [
        (Part(split="test"), ["test.jsonl", "test10.jsonl", "test2.jsonl", "README.md"], ["test.jsonl", "test2.jsonl", "test10.jsonl"]),
        (Part(split="v0.1.4"), ["data/v0.1.3-00000-of-00001.parquet", "data/v0.1.4-00000-of-00001.parquet"], None),
        (Part("taco", "train"), ["lcbv5/train-00000-of-00001.parquet", "taco/train-00000-of-00002.parquet"], None),
        (Part(split="train"), ["Tasks-train.jsonl", "Tasks-test.jsonl"], ["Tasks-train.jsonl"]),
        (Part(), ["rows.jsonl"], ["rows.jsonl"]),
        (Part(), ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], None),
    ],
)
def test_files_of_one_split_are_chosen_in_order(part: Part, names: list[str], chosen: list[str] | None) -> None:
    if chosen is None:
        chosen = [name for name in names if all(word in name for word in (part.config or "", part.split or ""))]
    assert choose(names, part, "lab/tasks") == chosen


@pytest.mark.parametrize("part", [Part(), Part(split="train"), Part("nowhere", "train")])
def test_no_choice_is_made_among_tables(part: Part) -> None:
    with pytest.raises(DataError, match="name one as lab/tasks/FILE"):
        choose(["a/train-00000-of-00001.parquet", "b/train-00000-of-00001.parquet", "a/test-00000-of-00001.parquet"], part, "lab/tasks")


def test_a_table_of_which_a_part_was_converted_is_refused() -> None:
    with pytest.raises(DataError, match="only a part"):
        choose(["default/partial-train/0000.parquet"], Part(split="train"), "lab/tasks")


def test_every_source_of_the_hub_says_where_it_lies() -> None:
    for name in PUBLISHED:
        assert SOURCES.get(name).hub.count("/") == 1, name

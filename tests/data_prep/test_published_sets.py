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
from published_rows import DEEPCODER, PUBLISHED, SANITIZED, hidden

from code_reward.errors import DataError
from code_reward.problem import Problem, StdioTest, load_problems, runnable
from data_prep.candidates import load_candidates
from data_prep.sources import SOURCES, load
from data_prep.sources.__main__ import Sources, main
from data_prep.sources.hub import Part, choose
from data_prep.unit_tests.pools import coderm
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits


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


ADJACENT = """
def check(stdin, printed, stdout):
    a, b = map(int, printed.split())
    return a + b == int(stdin) and a != b
"""


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("n = int(input())\nprint(n, 0)", "passed"),
        ("n = int(input())\nprint(n - 1, 1)", "passed"),
        ("n = int(input())\nprint(n, n)", "wrong_output"),
        ("print('no')", "wrong_output"),
        ("print('0 ' * 100000)", "wrong_output"),
        ("raise SystemExit(10)", "crashed"),
        ("import os\nprint(7, 0)\nos._exit(0)", "wrong_output"),
    ],
)
async def test_a_checker_decides_where_several_outputs_are_right(program: str, kind: str, tmp_path: Path) -> None:
    row = {
        **PUBLISHED["code_contests"][0],
        "description": "Print two numbers of that sum. If there are several answers, print any.",
        "public_tests": {"input": ["5\n"], "output": ["5 0\n"]},
        "private_tests": {"input": [], "output": []},
    }
    with pytest.raises(DataError, match="All 1 rows are left out \\(several outputs are right, and there is no checker\\)"):
        load("code_contests", jsonl(tmp_path / "rows.jsonl", row))
    [problem] = load("code_contests", jsonl(tmp_path / "rows.jsonl", {**row, "checker": ADJACENT}))
    sandbox = connect(workers=1)
    try:
        outcome = await sandbox.run(program, problem.tests)
        assert outcome.kind == kind, outcome.message
    finally:
        await sandbox.close()


async def test_a_checker_that_does_not_end_says_nothing_of_the_program() -> None:
    sandbox = connect(workers=1)
    try:
        test = StdioTest(stdin="", stdout="", checker="def check(stdin, printed, stdout):\n    while True: pass")
        assert (await sandbox.run("print(1)", [test], limits=Limits(cpu_seconds=0.3))).kind == "sandbox_error"
    finally:
        await sandbox.close()


@pytest.mark.parametrize("config", DEEPCODER)
async def test_every_configuration_of_deepcoder_is_read_with_its_references(config: str, tmp_path: Path) -> None:
    problems = load("deepcoder", jsonl(tmp_path / "rows.jsonl", *DEEPCODER[config]))
    references = [problem.reference_solution for problem in problems if problem.reference_solution]
    assert len(references) == (2 if config in ("taco", "primeintellect") else 0)
    sandbox = connect(workers=1)
    try:
        for problem in problems:
            if problem.reference_solution:
                outcome = await sandbox.run(problem.reference_solution, problem.tests, entry_point=problem.entry_point)
                assert outcome.kind == "passed", outcome.message
    finally:
        await sandbox.close()


@pytest.mark.parametrize(
    ("tests", "complaint"),
    [
        ({"inputs": ["1"], "outputs": []}, "1 inputs come with 0 outputs"),
        ([], "there are no tests"),
        ([{"input": "1"}], "neither a list of cases"),
        ("text", "not JSON|neither a list|tests"),
        ([{"input": "1", "output": "1"}, {"input": [1], "output": [1], "type": "function_call", "fn_name": "f"}], "some tests call"),
        ([{"input": [1], "output": [1], "type": "function_call"}], "name no functions"),
        ([{"input": 1, "output": [1], "type": "function_call", "fn_name": "f"}], "not JSON"),
    ],
)
def test_cases_that_fit_no_shape_are_refused(tests: object, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=complaint):
        load("deepcoder", jsonl(tmp_path / "rows.jsonl", {"problem": "Do it.", "tests": json.dumps(tests)}))


def test_rows_of_no_use_are_counted_by_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*PUBLISHED["synthetic1"], PUBLISHED["synthetic1"][0], {**PUBLISHED["synthetic1"][0], "task_type": "llm_judgeable_groundtruth"}]
    path = jsonl(tmp_path / "rows.jsonl", *rows, {**rows[0], "problem_id": "odd", "verification_info": "{}"})
    settings = {"name": "synthetic1", "path": [path], "out": tmp_path / "out.parquet", "_cli_parse_args": False}
    with pytest.raises(DataError, match=r"row 5: verification_info has no test_cases.*--skip-malformed"):
        main(Sources(**settings))
    main(Sources(**settings, skip_malformed=True))
    said = capsys.readouterr().out
    assert "2 problems" in said
    for line in ("left out: 1 (the same problem again)", "left out: 1 (not a coding problem)", "left out: 1 malformed, such as "):
        assert line in said
    assert len(load_problems(tmp_path / "out.parquet")) == 2


def test_the_time_that_authors_allow_is_had_where_it_is_more(tmp_path: Path) -> None:
    [problem, _] = problems_of("code_contests", tmp_path)
    assert problem.time_limit_seconds == 2.5
    assert Limits(cpu_seconds=1).allowing(problem.time_limit_seconds).cpu_seconds == 2.5
    assert Limits(cpu_seconds=9).allowing(problem.time_limit_seconds).cpu_seconds == 9


def test_a_checker_that_is_no_python_is_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = PUBLISHED["code_contests"]
    others = {**first, "name": "other", "checker": '#include "testlib.h"\nint main() { return 0; }'}
    path = jsonl(tmp_path / "rows.jsonl", first, second, others)
    main(Sources(name="code_contests", path=[path], out=tmp_path / "out.jsonl", _cli_parse_args=False))
    assert "left out: 1 (its checker is no Python that defines check)" in capsys.readouterr().out


def test_both_configurations_of_mbpp_are_read(tmp_path: Path) -> None:
    problems = load("mbpp", jsonl(tmp_path / "rows.jsonl", *SANITIZED))
    assert [problem.entry_point for problem in problems] == ["add_them", "add_them"]
    assert "def add_them(xs):" in problems[0].statement


def test_what_a_test_generator_learns_from_fits_together(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "rows.jsonl", *PUBLISHED["coderm"])
    ids = {problem.id for problem in load("coderm", path)}
    assert {sample.problem_id for sample in coderm(path)} == {candidate.problem_id for candidate in load_candidates("coderm", path)} == ids
    assert [sample.tests[0].kind for sample in coderm(path)] == ["unittest", "unittest"]


def test_answers_beside_acecode_have_their_published_verdicts(tmp_path: Path) -> None:
    candidates = load_candidates("acecode", jsonl(tmp_path / "rows.jsonl", *PUBLISHED["acecode"]))
    assert [candidate.published for candidate in candidates] == [{"tests": False}, {"tests": True}] * 2


@pytest.mark.parametrize("name", SOURCES.built_in)
def test_help_and_documents_know_every_source(name: str) -> None:
    said = str(Sources.model_fields["name"].description)
    assert name in said.replace("\n", " ").replace(" (our own files)", "").replace(",", "").split()
    assert f"`{name}`" in Path(__file__).parents[2].joinpath("docs", "real_data.md").read_text()

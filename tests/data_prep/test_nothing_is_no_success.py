"""No command takes nothing for a result: empty files, rows of which nothing comes, searches that failed. Each says why in one line."""

import importlib
import inspect
import json
from pathlib import Path

import pytest

from code_reward.cli import Command, run
from code_reward.journal import Appender
from data_prep.search.records import Failure, RolloutRecord, TreeRecord

PROBLEM = {
    "id": "a",
    "statement": "Add two numbers.",
    "entry_point": "add",
    "tests": [{"kind": "asserts", "code": "assert add(1, 2) == 3"}],
}
LABELLED = {"problem_id": "a", "statement": "Add two numbers.", "program": "def add(a, b): return a + b", "passed": True}
SAMPLE = {"problem_id": "a", "response": "none"}
FILES = {
    "empty.jsonl": [],
    "problems.jsonl": [PROBLEM],
    "untested.jsonl": [{"id": "a", "statement": "Add two numbers."}],
    "labelled.jsonl": [LABELLED],
    "unanswered.jsonl": [{**LABELLED, "program": "", "passed": False}],
    "right.jsonl": [LABELLED, {**LABELLED, "problem_id": "b"}],
    "scores.jsonl": [{"problem_id": "z", "program": "x", "score": 1.0}],
    "completions.jsonl": [{"problem_id": "a", "completion": "def add(a, b): return a + b"}],
    "prose.jsonl": [{"problem_id": "a", "response": "I do not know."}, {"problem_id": "a", "response": ""}],
}
NOTHING = [
    ("data_prep.label", "--problems problems.jsonl --candidates empty.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.label", "--problems empty.jsonl --candidates prose.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.label", "--problems problems.jsonl --candidates completions.jsonl --out out.jsonl", "only completion, problem_id"),
    ("data_prep.label", "--problems problems.jsonl --candidates prose.jsonl --out out.jsonl", "no_code 2"),
    ("data_prep.pairs", "--labelled empty.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.pairs", "--labelled right.jsonl --out out.jsonl", "of 2 problems 2 have a right program, 0 a wrong one"),
    ("data_prep.split", "--rows empty.jsonl --first out.jsonl --second b.jsonl", "empty.jsonl has no rows"),
    ("data_prep.split", "--rows labelled.jsonl --first out.jsonl --second b.jsonl", "leaves nothing on one side"),
    ("data_prep.matrices", "--labelled labelled.jsonl --scores scores.jsonl --out out.jsonl", "has no score of any program"),
    ("data_prep.matrices", "--labelled empty.jsonl --scores scores.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.mutants", "--problems empty.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.mutants", "--problems problems.jsonl --out out.jsonl", "has a reference solution"),
    ("data_prep.demonstrations", "--problems problems.jsonl --out out.jsonl", "has a reference solution"),
    ("data_prep.demonstrations", "--problems empty.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.noise", "--problems problems.jsonl --out out.jsonl", "has no call test"),
    ("data_prep.noise", "--labelled empty.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.candidates", "leetcode empty.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.sources", "problems empty.jsonl --out out.jsonl", "empty.jsonl"),
    ("data_prep.sources", "humaneval empty.jsonl --out out.jsonl", "empty.jsonl"),
    ("data_prep.sources", "problems untested.jsonl --out out.jsonl --verify", "--verify"),
    ("data_prep.prompts", "problems --path empty.jsonl --out out.jsonl", "empty.jsonl"),
    ("data_prep.tokenizer", "--rows empty.jsonl --out out", "empty.jsonl has no rows"),
    ("data_prep.extraction_report", "--data nowhere --out out.md", "nowhere"),
    ("data_prep.audit_judge", "--problems problems.jsonl --labelled empty.jsonl --out out.md", "empty.jsonl has no rows"),
    ("data_prep.audit_judge", "--problems problems.jsonl --labelled unanswered.jsonl --out out.md", "has no program"),
    ("data_prep.audit_judge", "--problems problems.jsonl --labelled labelled.jsonl --out out.md", "judged none of 1 programs"),
    ("data_prep.difficulty", "--problems problems.jsonl --completions empty.jsonl --rm-dir . --rm-urls u --out out.jsonl", "no rows"),
    ("data_prep.unit_tests.matrix", "--labelled labelled.jsonl --tests empty.jsonl --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.unit_tests.offline", "--problems problems.jsonl --out out.jsonl", "has call tests"),
    ("data_prep.unit_tests.pools", "codegen16b empty.jsonl --out out.jsonl", "no sample that holds a test"),
    (
        "data_prep.unit_tests.training",
        "--problems problems.jsonl --tests empty.jsonl --wrong labelled.jsonl --out out.jsonl",
        "has no rows",
    ),
    ("data_prep.unit_tests.synthesis", "--solutions empty.jsonl --endpoints e.yaml --out out.jsonl", "empty.jsonl has no rows"),
    ("data_prep.unit_tests.quality", "empty.jsonl", "empty.jsonl"),
    ("data_prep.search", "--problems empty.jsonl --out out", "empty.jsonl"),
    ("data_prep.conversions", "--trees failed --out out", "No row came of 1 trees"),
    ("rm_train.evaluate", "--model nowhere --labelled empty.jsonl --out out.json", "empty.jsonl has no rows"),
    ("rm_train.evaluate", "--model nowhere --labelled unanswered.jsonl --out out.json", "None of the 1 labelled answers holds a program"),
    ("code_reward.selection", "empty.jsonl", "empty.jsonl"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, rows in FILES.items():
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    failure = Failure(kind="unavailable", message="HTTP 401: no such key")
    rollout = RolloutRecord(problem_id="a", number=1, node=0, action="start", failure=failure)
    for run_folder, trees in {"failed": [TreeRecord(problem_id="a", statement="Add.", rollouts=[rollout])], "none": []}.items():
        file = Appender(Path(run_folder) / "trees.jsonl")
        for tree in trees:
            file.append(tree.model_dump(mode="json"))
        file.close()
    return tmp_path


def command_of(module_name: str) -> tuple[type[Command], object]:
    module = importlib.import_module(module_name)
    if not hasattr(module, "main"):
        module = importlib.import_module(f"{module_name}.__main__")
    [first, *_] = inspect.signature(module.main, eval_str=True).parameters.values()
    return first.annotation, module.main


def exits(module_name: str, arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        run(*command_of(module_name), arguments.split())  # type: ignore[arg-type]
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(("module_name", "arguments", "says"), NOTHING, ids=lambda value: value.split(".")[-1][:40])
def test_nothing_is_an_error_of_one_line(module_name, arguments, says, folder, capsys):
    if module_name.startswith("rm_train."):
        pytest.importorskip("torch", reason="reward models need torch, which the other rooms do not")
    status, said = exits(module_name, arguments, capsys)
    assert status == 2, said
    assert said.count("\n") == 1
    assert says in said
    assert not Path("out.jsonl").exists()


def test_that_a_measured_policy_writes_no_program_may_be_asked_to_be_a_result(folder, capsys):
    arguments = "--problems problems.jsonl --candidates prose.jsonl --out out.jsonl --allow-none"
    assert exits("data_prep.label", arguments, capsys)[0] in (None, 0)
    assert [json.loads(line)["outcome"] for line in Path("out.jsonl").read_text().splitlines()] == ["no_code"] * 2


def test_a_search_of_which_every_rollout_failed_ends_with_the_failure_s_own_words(folder, capsys):
    from data_prep.search.outcome import check_judged

    Path("broken.jsonl").write_text(
        json.dumps({**PROBLEM, "tests": [], "reference_solution": "def add(a, b):\n    raise ValueError('odd')\n"})
    )
    for _ in range(2):  # The second run finds all trees finished.
        status, said = exits("data_prep.search", "--problems broken.jsonl --out out", capsys)
        assert status == 2
        assert "No rollout was judged (" in said
    with pytest.raises(Exception, match=r"unavailable 1\), the last one: HTTP 401: no such key; mend that"):
        check_judged(Path("failed"))

"""The rows of docs/formats.md, which people copy: each is read by the reader of its file, and does what the page says of it."""

import json
from pathlib import Path
from typing import get_args

import pytest
from markdown_it import MarkdownIt
from tiny_rm import build_rm

from code_reward.errors import DataError
from code_reward.problem import Problem, Test, load_problems
from code_reward.reward_data import LabelledProgram, Pair, Prefix
from code_reward.rows import read_rows
from code_reward.selection import __main__ as selection
from code_reward.selection import load_matrices
from code_reward.short_tests import expand
from code_reward_commands import score
from code_reward_commands.pick import command as pick
from data_prep.candidates import Candidate
from data_prep.label import label_now
from data_prep.unit_tests.sample import TestSample

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
KINDS = {"problem", "answer", "scored", "candidate", "labelled", "pair", "preference", "prefix", "sample", "matrix"}


def rows_of(kind: str) -> list[dict]:
    """The rows that the page shows of one kind of file."""
    tokens = MarkdownIt().parse(PAGE.read_text())
    blocks = [token.content for token in tokens if token.type == "fence" and token.info.strip() == f"json {kind}"]
    return [json.loads(line) for block in blocks for line in block.splitlines()]


def file_of(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows_of(kind)))
    return path


def test_the_page_has_a_row_of_every_kind_of_file_and_of_every_kind_of_test():
    shown = {token.info.strip().removeprefix("json ") for token in MarkdownIt().parse(PAGE.read_text()) if token.type == "fence"}
    assert shown == KINDS
    kinds = {test.kind for row in rows_of("problem") for test in Problem.model_validate(row).tests}
    known = {model.model_fields["kind"].default for model in get_args(get_args(Test)[0])}
    assert kinds == known


def test_every_problem_is_solved_by_its_reference_and_by_nothing_else(tmp_path):
    """Executed in the sandbox, by the command that labels."""
    problems = [problem.model_copy(update={"id": f"{i}"}) for i, problem in enumerate(load_problems(file_of("problem", tmp_path)))]
    right = [Candidate(problem_id=one.id, program=one.reference_solution) for one in problems]
    wrong = [Candidate(problem_id=one.id, program=f"def {one.entry_point or 'f'}(*_):\n    return 'wrong'") for one in problems]
    labels = [row.passed for row in label_now(problems, [*right, *wrong])]
    assert labels == [True] * len(problems) + [False] * len(problems)


def test_the_short_ways_to_write_tests_mean_what_the_long_one_does():
    long, listed, text = (Problem.model_validate(row).tests for row in rows_of("problem")[:3])
    assert long[0] == listed[0]
    assert text[0].code == "\n".join(test.code for test in listed)


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("", []),
        ("assert f(1) == 2", ["asserts"]),
        ('["assert f(1) == 2", "assert f(2) == 3"]', ["asserts", "asserts"]),
        ('[{"kind": "stdio", "stdin": "", "stdout": ""}]', ["stdio"]),
        ("def check(candidate):\n    assert candidate(1)", ["check"]),
        ("def test_f():\n    assert f(1)", ["pytest"]),
        ("import unittest\nclass T(unittest.TestCase):\n    pass", ["unittest"]),
        ("[assert_(1)]", ["asserts"]),
    ],
)
def test_a_script_says_itself_what_kind_of_test_it_is(given, kinds):
    assert [test.kind for test in Problem(id="a", statement="b", tests=given).tests] == kinds


def test_tests_that_are_no_python_are_named(tmp_path):
    (tmp_path / "bad.jsonl").write_text(json.dumps({"id": "a", "statement": "b", "tests": ["assert f(1 =="]}) + "\n")
    with pytest.raises(DataError, match=r"row 1: tests.*not Python"):
        load_problems(tmp_path / "bad.jsonl")
    assert expand(3) == 3


@pytest.mark.parametrize(
    ("kind", "model"), [("candidate", Candidate), ("labelled", LabelledProgram), ("pair", Pair), ("prefix", Prefix), ("sample", TestSample)]
)
def test_a_row_is_read_and_its_columns_are_ours(tmp_path, kind, model):
    for row in read_rows(file_of(kind, tmp_path), model):
        assert not row.model_extra, row.model_extra


def test_candidates_are_labelled_as_the_page_lets_expect(tmp_path):
    problem = Problem.model_validate(rows_of("problem")[0])
    assert [row.passed for row in label_now([problem], read_rows(file_of("candidate", tmp_path), Candidate))] == [True, False]


def test_matrices_can_be_compared(tmp_path, capsys):
    assert len(load_matrices(file_of("matrix", tmp_path))) == 2
    selection.main(selection.Selection(file=tmp_path / "matrix.jsonl"))
    assert "hybrid" in capsys.readouterr().out


def test_answers_are_scored_and_scored_answers_picked(tmp_path):
    model = build_rm(tmp_path / "rm", num_hidden_layers=1)
    with pytest.raises(SystemExit) as end:
        score.start([str(file_of("answer", tmp_path)), "--model", str(model), "--out", str(tmp_path / "out.jsonl")])
    assert end.value.code == 0
    written = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert written.keys() == rows_of("scored")[0].keys()
    with pytest.raises(SystemExit) as end:
        pick.start([str(file_of("scored", tmp_path)), "--out", str(tmp_path / "picked.jsonl")])
    assert end.value.code == 0
    picked = json.loads((tmp_path / "picked.jsonl").read_text())
    assert {"picked_by": "best_by_score", "picked_of": 2, "tied": 1}.items() <= picked.items()

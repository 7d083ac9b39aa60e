"""LiveCodeBench and BigCodeBench: rows of our own in the published schemas, asked and judged as their publishers do."""

import base64
import json
import pickle
import zlib
from pathlib import Path

import pytest

from benchmarks.sampling.question import Answer
from benchmarks.sets import SETS, find_set, livecodebench
from benchmarks.sets.livecodebench import last_block
from benchmarks.sets.task_set import Bench
from code_reward.errors import CodeRewardError, DataError


def hidden(cases):
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def stdin_row(day="2024-09-01", **columns):
    cases = [{"input": "2 3\n", "output": "5\n", "testtype": "stdin"}, {"input": "-1 1\n", "output": "0\n", "testtype": "stdin"}]
    row = {
        "question_id": "s1",
        "question_title": "Sum",
        "question_content": "Print the sum of two numbers.",
        "platform": "atcoder",
        "contest_date": f"{day}T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps(cases[:1]),
        "private_test_cases": hidden(cases[1:]),
        "metadata": "{}",
    }
    return {**row, **columns}


def function_row():
    cases = [{"input": "[1, 2]\n3", "output": "[3, 2, 1]", "testtype": "functional"}]
    starter = "class Solution:\n    def turn(self, items: List[int], last: int) -> List[int]:\n        "
    return stdin_row(
        "2025-01-31",
        question_id="f1",
        starter_code=starter,
        public_test_cases="[]",
        private_test_cases=hidden(cases),
        metadata=json.dumps({"func_name": "turn"}),
    )


@pytest.fixture
def problems(tmp_path):
    path = tmp_path / "lcb.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (stdin_row(), function_row())))
    return find_set("lcb").read(path)


def answer(program):
    return Answer(text=f"So:\n```python\n{program}\n```", form="chat", cut=False, tokens=1)


def test_answers_are_judged_on_public_and_hidden_tests(tmp_path, problems):
    answers = {
        ("s1", 0): answer("a, b = map(int, input().split())\nprint(a + b)"),
        # Right on the public test alone.
        ("s1", 1): answer("print(5)"),
        ("f1", 0): answer("class Solution:\n    def turn(self, items: List[int], last: int):\n        return [last, *reversed(items)]"),
        ("f1", 1): Answer(text="No idea.", form="chat", cut=False, tokens=1),
    }
    judged = find_set("lcb").judge(Bench(tmp_path, None, None), problems, answers)
    assert {(one.task_id, one.sample): one.sandbox["LiveCodeBench"] for one in judged} == {
        ("s1", 0): "pass",
        ("s1", 1): "fail",
        ("f1", 0): "pass",
        ("f1", 1): "fail",
    }


def test_the_window_is_of_both_days(problems):
    one = find_set("lcb")
    assert list(one.select(problems, "2024-09-01..2025-01-30")) == ["s1"]
    assert list(one.select(problems, "2024-09-02..2025-01-31")) == ["f1"]
    for window, said in (("2030-01-01..2030-02-01", "no contest"), ("last year", "two days")):
        with pytest.raises(CodeRewardError, match=said):
            one.select(problems, window)


def test_the_question_shows_the_starter_code_or_the_form(problems):
    texts = {name: find_set("lcb").ask(task).messages[-1].content for name, task in problems.items()}
    assert "class Solution" in texts["f1"]
    assert "# YOUR CODE HERE" in texts["s1"]
    assert find_set("lcb").ask(problems["s1"]).messages[0].role == "system"


def test_a_hidden_test_that_names_anything_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("it ran",))

    row = stdin_row(private_test_cases=base64.b64encode(zlib.compress(pickle.dumps(Evil()))).decode())
    with pytest.raises(DataError, match="do not trust"):
        livecodebench.tests_of(row)


def test_the_program_is_the_last_block():
    assert last_block("```python\na\n```\nor\n```\nb\n```") == "b"
    assert last_block("```python\na") == ""


def bigcodebench_row():
    return {
        "task_id": "BigCodeBench/1",
        "complete_prompt": 'import os\n\ndef task_func(name):\n    """Base name."""\n',
        "instruct_prompt": "Give the base name of a path.\nStart with:\n```\nimport os\ndef task_func(name):\n```",
        "code_prompt": "import os\ndef task_func(name):\n",
        "canonical_solution": "    return os.path.basename(name)",
        "test": "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(task_func('/a'), 'a')\n",
        "entry_point": "task_func",
        "libs": "['os']",
        "doc_struct": "{}",
    }


def test_bigcodebench_is_asked_by_its_instruction(tmp_path):
    path = tmp_path / "bcb.jsonl"
    path.write_text(json.dumps(bigcodebench_row()) + "\n")
    one = find_set("bcb_hard")
    question = one.ask(one.read(path)["BigCodeBench/1"])
    assert "Give the base name" in question.messages[0].content
    assert question.prefill.endswith("```python\n")
    assert one.needs_referee


@pytest.fixture
def nothing_named(tmp_path, monkeypatch):
    for variable in (
        "CODE_REWARD_DATA",
        *(f"{name.upper()}_OVERRIDE_PATH" for name in ("humaneval", "mbpp", "bigcodebench", "livecodebench")),
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("name", SETS)
def test_a_set_without_a_file_says_how_to_name_one(name, nothing_named):
    with pytest.raises(CodeRewardError, match=f"fetch it .*--{name.replace('_', '-')}-file"):
        find_set(name).find_file(None)


def test_what_evalplus_itself_has_fetched_is_found(nothing_named, monkeypatch):
    fetched = nothing_named / "cache" / "evalplus" / "HumanEvalPlus-v0.1.10.jsonl"
    fetched.parent.mkdir(parents=True)
    fetched.touch()
    assert find_set("humaneval").find_file(None) == fetched
    monkeypatch.setenv("HUMANEVAL_OVERRIDE_PATH", "mine.jsonl")
    assert find_set("humaneval").find_file(None) == Path("mine.jsonl")
    assert find_set("humaneval").find_file(Path("given.jsonl")) == Path("given.jsonl")


def test_livecodebench_is_read_from_all_files_of_a_release(tmp_path):
    folder = tmp_path / "code_generation_lite"
    folder.mkdir()
    for number, name in enumerate(("test.jsonl", "test2.jsonl", "test10.jsonl")):
        (folder / name).write_text(json.dumps({**stdin_row(), "question_id": f"q{number}"}) + "\n")
    assert list(find_set("lcb").read(folder)) == ["q0", "q1", "q2"]


@pytest.mark.parametrize(("name", "row"), [("lcb", stdin_row()), ("bcb_hard", bigcodebench_row())])
def test_a_wrong_column_is_named(tmp_path, name, row):
    path = tmp_path / "rows.jsonl"
    column = "metadata" if name == "lcb" else "libs"
    path.write_text(json.dumps({key: value for key, value in row.items() if key != column}) + "\n")
    with pytest.raises(CodeRewardError, match=f"row 1: no column '{column}'"):
        find_set(name).read(path)

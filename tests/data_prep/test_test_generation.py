import asyncio
import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import ConfigurationError, DataError, SandboxError
from code_reward.journal import read_lines
from code_reward.problem import CallTest, Problem, UnittestTest, save_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows, write_rows
from code_reward.selection import ResultsMatrix
from data_prep.families import generate
from data_prep.llm import Ledger, LLMError, Reply, RunStopped
from data_prep.llm.request import Sampling
from data_prep.llm.simulated import SimulatedEndpoint
from data_prep.unit_tests import offline
from data_prep.unit_tests.extraction import extract_test
from data_prep.unit_tests.quality import Quality, count, of_all_tests, of_single_tests
from data_prep.unit_tests.repair import repair
from data_prep.unit_tests.sample import TestSample
from data_prep.unit_tests.suited import Suited, read_answer, sort_out
from data_prep.unit_tests.suited import main as keep_suited
from data_prep.unit_tests.synthesis import Solution, Synthesis, request_test, share_out, synthesise
from data_prep.unit_tests.synthesis import main as write_tests
from data_prep.unit_tests.training import Training, judge, main
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits, Observations

CLASS = (
    "import unittest\n\nclass TestF(unittest.TestCase):\n    def test_f(self):\n        # One more.\n        self.assertEqual(f(1), 2)\n"
)


def fenced(code):
    return f"Here it is:\n```python\n{code}```\n"


# Extraction


def test_the_class_is_found_and_keeps_its_comments():
    assert extract_test(fenced(CLASS), "f").test.code.split() == CLASS.split()


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("no code", "no_code"),
        (fenced(CLASS) + fenced(CLASS), "several_blocks"),
        (fenced("def f(:\n"), "does_not_parse"),
        (fenced("assert f(1) == 2\n"), "no_test_class"),
        (fenced(CLASS + CLASS), "several_test_classes"),
        (fenced(CLASS.replace("test_f", "check_f")), "no_test_method"),
        (fenced(CLASS.replace("f(1)", "g(1)")), "solution_not_called"),
        (fenced(CLASS).rstrip().rstrip("`"), "truncated"),
    ],
)
def test_every_answer_without_a_test_has_its_reason(response, reason):
    assert extract_test(response, "f").reason == reason


def test_what_would_be_tested_in_place_of_the_candidate_is_taken_out():
    copied = (
        "from your_module import f\nimport math\n\ndef f(x):\n    return x + 1\n\n"
        + CLASS
        + "\nif __name__ == '__main__':\n    unittest.main()\n"
    )
    code = extract_test(fenced(copied), "f").test.code
    assert "your_module" not in code
    assert "def f" not in code
    assert "unittest.main" not in code
    assert "import math" in code


@given(st.text())
def test_no_text_makes_it_raise(text):
    assert extract_test(fenced(text)).test is None or "TestCase" in text


# Repair


async def repaired(body, program="def f(x):\n    return x + 1\n"):
    sandbox = connect(workers=1)
    try:
        test = UnittestTest(code=f"import unittest\n\nclass T(unittest.TestCase):\n    def test_f(self):\n{body}\n")
        found = await repair(test, program, "f", sandbox, Limits())
        if found is not None:
            assert (await sandbox.run(program, [found], entry_point="f")).passed
        return found and found.code
    finally:
        await sandbox.close()


async def test_wrong_expectations_become_what_the_solution_gives():
    code = await repaired("        # f(1) is 3\n        self.assertEqual(f(1), 3)\n        self.assertEqual(\n            9, f(2), 'é')")
    assert "self.assertEqual(f(1), 2)" in code
    assert "# f(1) is 2" in code
    assert "3, f(2), 'é'" in code


@pytest.mark.parametrize(
    "body", ["        self.assertEqual(f(1), 2)", "        self.assertTrue(f(1) > 5)", "        self.assertEqual(f(y), 3)"]
)
async def test_what_has_no_constant_beside_a_call_is_left_alone(body):
    assert await repaired(body) is None


async def test_a_result_that_is_no_literal_is_no_correction():
    assert await repaired("        self.assertEqual(f(1), 3)", "def f(x):\n    return object()\n") is None


async def test_a_sandbox_that_fails_says_nothing_of_the_test():
    class Failing:
        async def observe(self, program, calls, *, limits=None):
            return Observations(kind="sandbox_error", message="no worker is left")

    with pytest.raises(SandboxError, match="no worker is left"):
        await repair(UnittestTest(code=CLASS), "def f(x):\n    return x + 1\n", "f", Failing(), Limits())


# Synthesis


class Author:
    """Answers with the given texts in turn; an exception is raised."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.asked = []

    async def ask(self, request, urgency=0):
        self.asked.append(request.prompt)
        reply = self.replies[(len(self.asked) - 1) % len(self.replies)]
        if isinstance(reply, Exception):
            raise reply
        return Reply(text=reply, model="author")


SOLUTIONS = [
    LabelledProgram(problem_id="p", statement="Add one.", entry_point="f", program=f"def f(x):\n    return x + {n}", passed=n == 1)
    for n in (1, 2)
]


async def write(tmp_path, author, samples=4):
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        return await synthesise([Solution(**row.model_dump()) for row in SOLUTIONS], author, ledger, Sampling(), {"p": samples})


def test_the_prompt_is_in_the_published_format():
    lines = request_test("Add one.", "def f(x):\n    return x + 1", Sampling()).prompt.split("\n")
    assert lines[2:8] == ["### question", "Add one.", "", "### code solution", "def f(x):", "    return x + 1"]


async def test_samples_take_solutions_in_turn_and_none_is_lost(tmp_path):
    author = Author(fenced(CLASS), "no code", LLMError("too long", kind="refused"), fenced(CLASS))
    samples = await write(tmp_path, author)
    assert sum("x + 1" in prompt for prompt in author.asked) == 2
    assert sorted(sample.reason for sample in samples) == ["", "", "llm_refused", "no_code"]
    again = Author(RuntimeError("nothing should be asked twice"))
    assert await write(tmp_path, again) == samples
    assert again.asked == []


async def test_what_an_outage_kept_from_us_is_asked_for_again_and_nothing_else(tmp_path):
    first = await write(tmp_path, Author(fenced(CLASS), LLMError("no connection", kind="unreachable")))
    assert sorted(sample.reason for sample in first) == ["", "", "llm_unreachable", "llm_unreachable"]
    later = Author(fenced(CLASS))
    assert [sample.reason for sample in await write(tmp_path, later)] == [""] * 4
    assert len(later.asked) == 2


async def test_a_full_disk_ends_the_run_before_anything_more_is_paid_for(tmp_path, monkeypatch):
    def full(*_):
        raise ConfigurationError("The disk is full.")

    author = Author(fenced(CLASS))
    solutions = [Solution(**row.model_dump()) for row in SOLUTIONS]
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        monkeypatch.setattr(ledger, "write", full)
        with pytest.raises(ConfigurationError):
            await synthesise(solutions, author, ledger, Sampling(), {"p": 100}, at_once=4)
    assert len(author.asked) <= 4


async def test_a_stopped_run_goes_on_later(tmp_path):
    with pytest.raises(RunStopped):
        await write(tmp_path, Author(fenced(CLASS), fenced(CLASS), RunStopped("spent", kind="budget_spent")))
    later = Author(fenced(CLASS))
    assert len(await write(tmp_path, later)) == 4
    assert len(later.asked) < 4


def commands(tmp_path, url, problems, **settings):
    """Both commands that ask a language model through a ledger."""
    rows = [{"problem_id": one.id, "statement": one.statement, "program": one.reference_solution} for one in problems]
    (tmp_path / "solutions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    save_problems(tmp_path / "problems.jsonl", problems)
    (tmp_path / "endpoints.yaml").write_text(f"[{{url: '{url}', model: m, concurrency: 2}}]")
    common = {"out": tmp_path / "out.jsonl", "endpoints": tmp_path / "endpoints.yaml", "_cli_parse_args": False, **settings}
    return {
        "synthesis": lambda: write_tests(Synthesis(solutions=tmp_path / "solutions.jsonl", samples=1, **common)),
        "suited": lambda: keep_suited(Suited(problems=tmp_path / "problems.jsonl", **common)),
    }


@pytest.mark.parametrize("name", ["synthesis", "suited"])
async def test_a_spent_budget_keeps_every_call_under_way_and_is_one_over_all_restarts(tmp_path, name):
    problems = generate(6, seed=0)
    async with SimulatedEndpoint(problems, latency=0.05) as server:
        for _ in range(2):
            with pytest.raises(RunStopped, match="4 calls is spent"):
                await asyncio.to_thread(commands(tmp_path, server.url, problems, max_calls=4)[name])
            assert len(list(read_lines(tmp_path / "out.jsonl.calls.jsonl"))) == 4 == sum(server.answered.values())
        with pytest.raises(DataError, match="None of the 6"):  # The endpoint says nothing of use, and that is no success.
            await asyncio.to_thread(commands(tmp_path, server.url, problems)[name])
        assert sum(server.answered.values()) == 6


def test_more_samples_go_where_the_predicted_rates_promise_more():
    rates = {"easy": 0.9, "hard": 0.2, "hopeless": 0.0}
    assert share_out(list(rates), 4, rates, most=100) == {"easy": 2, "hard": 10, "hopeless": 0}
    assert share_out(list(rates), 4, rates, most=5) == {"easy": 5, "hard": 5, "hopeless": 2}
    with pytest.raises(DataError, match="'new'"):
        share_out(["easy", "new"], 4, rates, most=100)


# Quality


def test_the_papers_rates_and_the_usual_ones_are_told_apart():
    accepted, correct = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool), np.array([1, 1, 0, 1, 1, 1, 0, 0], dtype=bool)
    quality = count(accepted, correct)
    assert quality == Quality(true_positives=2, false_positives=1, true_negatives=2, false_negatives=3)
    assert quality.false_discovery_rate == pytest.approx(1 / 3)
    assert quality.false_omission_rate == pytest.approx(3 / 5)
    assert quality.false_positive_rate == pytest.approx(1 / 3)
    assert quality.false_negative_rate == pytest.approx(3 / 5)
    assert quality.accuracy == pytest.approx(0.5)
    assert quality.f1 == pytest.approx(0.5)
    assert math.isnan(Quality(0, 0, 1, 1).false_discovery_rate)


@pytest.mark.parametrize(
    ("accuracy", "f1", "far", "frr"),
    [(60.02, 44.97, 13.66, 46.13), (73.65, 70.15, 11.10, 34.51), (69.64, 63.63, 11.17, 38.55), (80.46, 81.27, 16.48, 22.71)],
)
def test_published_rates_are_consistent_with_these_definitions(accuracy, f1, far, frr):
    """Table 2 of the paper: with 10,000 cells and the policy's base rate of 53.58 %, FAR and FRR fix the counts, and so the rest."""
    base = 5358
    positives = (base - 10_000 * frr / 100) / (1 - far / 100 - frr / 100)
    right = positives * (1 - far / 100)
    quality = Quality(round(right), round(positives - right), round((10_000 - positives) * (1 - frr / 100)), round(base - right))
    assert 100 * quality.accuracy == pytest.approx(accuracy, abs=0.2)
    assert 100 * quality.f1 == pytest.approx(f1, abs=0.7)


def test_all_tests_together_accept_the_programs_with_the_most_votes():
    matrix = ResultsMatrix(problem_id="p", correct=[True, False, False], passed=[[True, True], [True, False], [False, False]])
    assert of_single_tests([matrix]) == Quality(2, 1, 3, 0)
    assert of_all_tests([matrix, matrix]) == Quality(2, 0, 4, 0)


# Training data

PROBLEM = Problem(
    id="p",
    statement="Add one.",
    entry_point="f",
    reference_solution="def f(x):\n    return x + 1",
    tests=[CallTest(args="(1,)", expected="2"), CallTest(args="{'x': 2}", expected="3")],
)
WRONG_CLASS = CLASS.replace("2)", "7)")
WEAK_CLASS = CLASS.replace("assertEqual(f(1), 2)", "assertIsInstance(f(1), int)")
HOPELESS_CLASS = CLASS.replace("assertEqual(f(1), 2)", "assertTrue(f(1) > 5)")


def sample(code, reason=""):
    return TestSample(problem_id="p", tests=[UnittestTest(code=code)] if code else [], reason=reason)


def test_training_data_keep_what_is_right_and_tells_programs_apart(tmp_path, capsys):
    write_rows(tmp_path / "problems.jsonl", [PROBLEM])
    samples = [sample(CLASS), sample(WRONG_CLASS), sample(WEAK_CLASS), sample(HOPELESS_CLASS), sample("", "no_code")]
    write_rows(tmp_path / "tests.jsonl", samples)
    write_rows(tmp_path / "wrong.jsonl", [row for row in SOLUTIONS if not row.passed])
    paths = {"problems": tmp_path / "problems.jsonl", "tests": tmp_path / "tests.jsonl", "wrong": tmp_path / "wrong.jsonl"}
    main(Training(**paths, out=tmp_path / "sft.jsonl", _cli_parse_args=False))
    (row,) = read_rows(tmp_path / "sft.jsonl", LabelledProgram)  # The repaired one equals the first.
    assert row.program == CLASS
    chat = row.model_extra["messages"]
    assert [message["role"] for message in chat] == ["user", "assistant"]
    assert chat[0]["content"] == row.statement
    assert extract_test(chat[1]["content"], "f").test.code.split() == CLASS.split()
    shown = capsys.readouterr().out
    for line in (
        "1 training rows (of 5 samples, 1 repaired)",
        "accepts_wrong_programs   1",
        "rejects_the_reference    1",
        "no_code                  1",
    ):
        assert line in shown


def test_a_killed_run_of_training_data_judges_no_sample_twice(tmp_path, monkeypatch):
    write_rows(tmp_path / "problems.jsonl", [PROBLEM])
    write_rows(tmp_path / "tests.jsonl", [sample(CLASS), sample(WEAK_CLASS)])
    write_rows(tmp_path / "wrong.jsonl", [row for row in SOLUTIONS if not row.passed])
    paths = {"problems": tmp_path / "problems.jsonl", "tests": tmp_path / "tests.jsonl", "wrong": tmp_path / "wrong.jsonl"}
    main(Training(**paths, out=tmp_path / "sft.jsonl", _cli_parse_args=False))
    first = read_rows(tmp_path / "sft.jsonl", LabelledProgram)
    journal = tmp_path / "sft.jsonl.journal"
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    judged = []

    async def judging(sample, *rest):
        judged.append(sample)
        return await judge(sample, *rest)

    monkeypatch.setattr("data_prep.unit_tests.training.judge", judging)
    main(Training(**paths, out=tmp_path / "sft.jsonl", _cli_parse_args=False))
    assert len(judged) == 1, "one of the two was on record"
    assert read_rows(tmp_path / "sft.jsonl", LabelledProgram) == first


def test_the_offline_author_writes_tests_that_the_reference_passes():
    (written,) = offline.write_tests(PROBLEM, samples=1, cases=2, errors=0.0, rng=random.Random(0))
    assert extract_test(written.response, "f").test.code.split() == written.tests[0].code.split()

    async def run():
        sandbox = connect(workers=1)
        try:
            return await sandbox.run(PROBLEM.reference_solution, written.tests, entry_point="f")
        finally:
            await sandbox.close()

    assert asyncio.run(run()).passed
    assert json.loads(written.model_dump_json())["tests"][0]["kind"] == "unittest"


# Problems that unit tests can check


@pytest.mark.parametrize(
    ("text", "answer"),
    [("YES", "suited"), ("No.", "not_suited"), ("Yes and no", "unreadable"), ("", "unreadable"), ("Yesterday", "unreadable")],
)
def test_only_a_plain_yes_or_no_decides(text, answer):
    assert read_answer(text) == answer


async def test_problems_without_an_answer_are_told_apart(tmp_path):
    author = Author("YES", "NO", LLMError("late", kind="timeout"))
    problems = [PROBLEM.model_copy(update={"id": f"p{number}", "statement": f"Task {number}."}) for number in range(3)]
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        assert await sort_out(problems, author, ledger) == ["suited", "not_suited", "no_answer"]

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from code_reward.errors import DataError, SandboxError
from code_reward.journal import Journal
from code_reward.problem import AssertTest, CallTest, Problem, Test, save_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows, write_rows
from data_prep import label as module
from data_prep.candidates import Candidate, load_candidates
from data_prep.label import Label, label, main
from data_prep.sources import load
from reward_servers.sandbox.outcome import Limits, Outcome, Sandbox

RIGHT, WRONG = "def half(n):\n    return n / 2\n", "def half(n):\n    return n\n"


class FaultySandbox:
    """Says `passed` for programs with `/`, and fails on our side as often as a program asks for."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()

    async def run(self, program: str, tests: Sequence[Test], *, entry_point: str | None = None, limits: Limits | None = None) -> Outcome:
        self.runs[program] += 1
        await asyncio.sleep(0)
        wanted = int(program.partition("# fail ")[2] or 0)
        if self.runs[program] <= wanted:
            return Outcome(kind="sandbox_error", message="out of forks")
        return Outcome(kind="passed" if "/" in program else "failed")

    async def close(self) -> None:
        pass


def problem(id_: str = "half", **changes: Any) -> Problem:
    tests = [CallTest(args="[4]", expected="2.0")]
    return Problem.model_validate(
        {"id": id_, "statement": "Half of n.", "entry_point": "half", "tests": tests, "source": "made", **changes}
    )


def candidate(program: str, problem_id: str = "half", **changes: Any) -> Candidate:
    return Candidate.model_validate({"problem_id": problem_id, "program": program, **changes})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)


async def test_labels_are_what_the_tests_say(sandbox: Sandbox) -> None:
    programs = [
        candidate(RIGHT),
        candidate(WRONG),
        candidate("def half(n):\n    while True:\n        pass\n"),
        candidate("half = ("),
        candidate(""),
    ]
    rows = await label([problem()], programs, sandbox, limits=Limits(cpu_seconds=0.5))
    assert [(row.passed, row.outcome) for row in rows] == [
        (True, "passed"),
        (False, "failed"),
        (False, "timeout"),
        (False, "failed"),
        (False, "no_code"),
    ]


async def test_a_row_tells_the_outcome_of_each_test_that_ran(sandbox: Sandbox, tmp_path: Path) -> None:
    tests = [CallTest(args=f"[{n}]", expected=f"{n / 2}") for n in (2, 4, 6)]
    programs = [candidate(RIGHT), candidate("def half(n):\n    return 1.0 if n == 2 else 0"), candidate("")]
    with Journal(tmp_path / "journal") as journal:
        rows = await label([problem(tests=tests)], programs, sandbox, journal=journal)
        assert [row.test_outcomes for row in rows] == [["passed"] * 3, ["passed", "failed"], []]
    with Journal(tmp_path / "journal") as journal:
        assert await label([problem(tests=tests)], programs, FaultySandbox(), journal=journal) == rows
    rows = await label([problem(tests=tests)], programs[1:2], sandbox, share=0.9)
    assert rows[0].test_outcomes == ["passed", "failed", "failed"]


async def test_a_row_has_all_that_reward_data_needs(sandbox: Sandbox) -> None:
    given = candidate(RIGHT, origin="reference", model="a-model", published={"base": True}, step=0)
    [row] = await label([problem(family="halves")], [given], sandbox)
    assert (row.problem_id, row.statement, row.entry_point, row.program) == ("half", "Half of n.", "half", RIGHT)
    assert (row.origin, row.group) == ("reference", "halves")
    assert row.model_extra == {"model": "a-model", "published": {"base": True}, "step": 0}
    [plain] = await label([problem()], [candidate(RIGHT)], sandbox)
    assert (plain.origin, plain.group, plain.model_extra) == ("policy", "made", {})


async def test_answers_are_extracted_and_run_after_the_starter_code(sandbox: Sandbox) -> None:
    needs_math = problem(starter_code="import math\n", tests=[AssertTest(code="assert half(5) == 2")])
    answer = "<think>```python\nhalf = 3\n```</think>Here:\n```python\ndef half(n):\n    return math.floor(n / 2)\n```"
    good, bad = await label([needs_math], [candidate("", response=answer), candidate("", response="I cannot.")], sandbox)
    assert (good.passed, good.program) == (True, "def half(n):\n    return math.floor(n / 2)")
    assert (bad.passed, bad.program, bad.outcome) == (False, "", "no_code")


async def test_identical_programs_run_once_and_every_candidate_gets_its_row() -> None:
    fake = FaultySandbox()
    programs = [candidate(RIGHT), candidate(WRONG), candidate(RIGHT), candidate(RIGHT, "other")]
    rows = await label([problem(), problem("other")], programs, fake)
    assert [row.passed for row in rows] == [True, False, True, True]
    assert fake.runs == {RIGHT: 2, WRONG: 1}, "the same text for another problem is another run"


async def test_a_failure_of_the_sandbox_is_tried_again_and_never_a_label(caplog: pytest.LogCaptureFixture) -> None:
    fake = FaultySandbox()
    programs = [candidate(RIGHT), candidate(RIGHT + "# fail 2"), candidate(RIGHT + "# fail 99"), candidate(WRONG + "# fail 99")]
    with caplog.at_level(logging.WARNING):
        rows = await label([problem()], programs, fake)
    assert [row.program for row in rows] == [RIGHT, RIGHT + "# fail 2"]
    assert all(row.passed for row in rows)
    assert "2 of 4 candidates are left out" in caplog.text
    assert "on each of 2 programs, and last said: out of forks" in caplog.text


async def test_a_sandbox_that_is_down_stops_the_run_early() -> None:
    fake = FaultySandbox()
    with pytest.raises(SandboxError, match=r"in a row \(out of forks\)"):
        await label([problem()], [candidate(f"{RIGHT}# {i} # fail 99") for i in range(2000)], fake)
    assert len(fake.runs) < 1000


async def test_a_label_does_not_depend_on_how_many_run_at_once(sandbox: Sandbox) -> None:
    programs = [candidate(f"def half(n):\n    return n / {i}\n") for i in range(1, 60)]
    rows = await label([problem()], programs, sandbox)
    assert [row.passed for row in rows] == [i == 2 for i in range(1, 60)]


async def test_a_journal_spares_what_is_finished_but_not_what_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    programs = [candidate(RIGHT), candidate(WRONG), candidate(RIGHT + "# fail 99")]
    with Journal(path) as journal:
        first = await label([problem()], programs, FaultySandbox(), journal=journal)
    again = FaultySandbox()
    with Journal(path) as journal:
        assert await label([problem()], programs[:2], again, journal=journal) == first
        assert not again.runs
        await label([problem()], programs, again, journal=journal)
        assert set(again.runs) == {RIGHT + "# fail 99"}, "a failure of the sandbox is not remembered"
        await label([problem(tests=[CallTest(args="[6]", expected="3.0")])], programs[:1], again, journal=journal)
        await label([problem()], programs[:1], again, limits=Limits(cpu_seconds=9), journal=journal)
    assert again.runs[RIGHT] == 2, "other tests or other limits are another question"


async def test_progress_ends_at_all(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    await label(
        [problem()], [candidate(RIGHT), candidate(WRONG), candidate(WRONG)], FaultySandbox(), progress=lambda *step: seen.append(step)
    )
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("problems", "complaint"), [([], "'half', which the problem file does not have"), ([problem(tests=[])], "'half' has no tests")]
)
async def test_a_candidate_that_cannot_be_labelled_is_an_error(problems: list[Problem], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        await label(problems, [candidate(RIGHT)], FaultySandbox())


async def test_a_malformed_test_is_named_with_its_problem(sandbox: Sandbox) -> None:
    with pytest.raises(DataError, match="Problem 'half'"):
        await label([problem(tests=[CallTest(args="4", expected="2.0")])], [candidate(RIGHT)], sandbox)


async def test_nothing_to_do_is_no_trouble() -> None:
    assert await label([problem()], [], FaultySandbox()) == []


def files_for_command(tmp_path: Path, programs: Sequence[Candidate]) -> Label:
    save_problems(tmp_path / "problems.jsonl", [problem()])
    write_rows(tmp_path / "candidates.jsonl", programs)
    return Label(
        problems=tmp_path / "problems.jsonl",
        candidates=[tmp_path / "candidates.jsonl"],
        out=tmp_path / "out.parquet",
        _cli_parse_args=False,
    )


def test_the_command_labels_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = files_for_command(tmp_path, [candidate(RIGHT), candidate(WRONG)])
    write_rows(tmp_path / "more.jsonl", [candidate(WRONG)])
    settings.candidates.append(tmp_path / "more.jsonl")
    assert main(settings) == 0
    rows = read_rows(tmp_path / "out.parquet", LabelledProgram)
    assert [row.passed for row in rows] == [True, False, False]
    assert "3 labelled programs, 1 of them right, for 1 problems" in capsys.readouterr().out


def test_the_command_says_when_programs_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reward_servers.sandbox.connect", lambda url: FaultySandbox())
    settings = files_for_command(tmp_path, [candidate(RIGHT), candidate(RIGHT + "# fail 99")])
    assert main(settings) == 1
    assert len(read_rows(tmp_path / "out.parquet", LabelledProgram)) == 1
    assert "left out (sandbox)   1" in capsys.readouterr().out


def test_a_killed_command_continues_and_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    programs = [candidate(f"import time\ntime.sleep(0.1)\ndef half(n):\n    return n / {i % 3 + 1}  # {i}\n") for i in range(80)]
    settings = files_for_command(tmp_path, programs)
    command = [sys.executable, "-m", "data_prep.label", "--problems", str(settings.problems), "--out", str(settings.out)]
    command += ["--candidates", str(settings.candidates[0])]
    journal = tmp_path / "out.parquet.journal"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 300
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 20):
        assert time.monotonic() < deadline
        assert process.poll() is None, "finished before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = [json.loads(line)["key"] for line in journal.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    assert not (tmp_path / "out.parquet").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    keys = [json.loads(line)["key"] for line in journal.read_text().splitlines()]
    assert keys[: len(finished)] == finished
    assert len(keys) == len(set(keys)) == 80, "no program is run twice"
    assert [row.passed for row in read_rows(tmp_path / "out.parquet", LabelledProgram)] == [i % 3 == 1 for i in range(80)]


async def test_published_verdicts_agree(real_data: Path, sandbox: Sandbox) -> None:
    """HumanEvalPack's right and buggy solutions, judged by its own tests."""
    file = real_data / "pairs/humanevalpack_python.jsonl"
    problems = load("humanevalpack", file)[::8]
    known = {problem.id for problem in problems}
    programs = [program for program in load_candidates("humanevalpack", file) if program.problem_id in known]
    rows = await label(problems, programs, sandbox)
    assert [row.passed for row in rows] == [program.published["tests"] for program in programs]


async def test_reference_solutions_pass_their_own_tests(real_data: Path, sandbox: Sandbox) -> None:
    for name, file in (
        ("humaneval", "problems/humaneval.jsonl.gz"),
        ("mbpp", "problems/mbpp_sanitized.jsonl"),
        ("leetcode", "problems/leetcode_train.jsonl.gz"),
    ):
        problems = load(name, real_data / file)[::20]
        rows = await label(
            problems, [candidate(p.reference_solution or "", p.id) for p in problems], sandbox, limits=Limits(cpu_seconds=10)
        )
        assert [row.problem_id for row in rows if not row.passed] == []


def test_with_a_share_a_program_may_fail_tests_that_are_wrong_themselves(tmp_path: Path) -> None:
    tests = [CallTest(args=f"[{n}]", expected=repr(n / 2) if n % 3 else "7") for n in range(1, 11)]
    save_problems(tmp_path / "problems.jsonl", [problem(tests=tests)])
    write_rows(tmp_path / "candidates.jsonl", [candidate(RIGHT), candidate(WRONG), candidate("def half(n):\n    return 7")])
    for share, expected in ((1.0, [False, False, False]), (0.65, [True, False, False])):
        files = {"problems": tmp_path / "problems.jsonl", "candidates": [tmp_path / "candidates.jsonl"], "out": tmp_path / "labels.jsonl"}
        assert main(Label(**files, share=share)) == 0
        assert [row.passed for row in read_rows(tmp_path / "labels.jsonl", LabelledProgram)] == expected

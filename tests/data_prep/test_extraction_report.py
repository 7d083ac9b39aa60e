import re
from pathlib import Path

import pytest

from code_reward.extraction import extract_code
from data_prep.candidates import Candidate
from data_prep.extraction_report import ExtractionReport, Pool, examine, main, write_report

GOOD = "```python\ndef f(x):\n    return x\n```"
NO_CODE = "I cannot help with that."
TWO_BLOCKS = f"{GOOD}\nOr:\n{GOOD}"


def answer(response: str, program: str = "", **published: bool) -> Candidate:
    return Candidate(problem_id="p", response=response, program=program, published=published)


def pool(*answers: Candidate, entry_point: str | None = None) -> Pool:
    return Pool("A pool", answers, {"p": entry_point})


def test_a_rejected_answer_that_the_publisher_passed_comes_first() -> None:
    findings = examine(pool(answer(GOOD, tests=True), answer(NO_CODE, tests=False), answer("```python\ndef f(:\n```", tests=True)))
    assert [(rejection.reason, rejection.passed) for rejection in findings.rejections] == [("does_not_parse", True), ("no_code", False)]


def test_the_entry_point_must_be_defined() -> None:
    assert not examine(pool(answer(GOOD), entry_point="f")).rejections
    assert [rejection.reason for rejection in examine(pool(answer(GOOD), entry_point="g")).rejections] == ["entry_point_missing"]


def test_programs_are_compared_with_the_publishers_own_extraction() -> None:
    program = "def f(x):\n    return x"
    assert examine(pool(answer(GOOD, program), answer(GOOD, "def f(x):\n    return -x"))).same == 1


def test_the_report_counts_each_pool_and_shows_what_was_rejected() -> None:
    report = write_report([pool(answer(GOOD, tests=True), answer(NO_CODE, tests=True), answer(TWO_BLOCKS))], examples=1)
    assert "| A pool | 3 | 2 | 66.7% | no_code 1 | 1 | – |" in report
    assert "| A pool | 33.3% | 66.7% | 66.7% |" in report, "strict, last, longest"
    assert "    I cannot help with that." in report
    assert "(publisher: tests passed)" in report


def test_a_pool_without_answers_is_said_to_be_empty() -> None:
    report = write_report([Pool("RM-Bench, Python part", [], {}), pool(answer(GOOD))], examples=1)
    assert "No answers: RM-Bench, Python part." in report
    assert "| RM-Bench" not in report


def test_examples_are_limited_and_cannot_break_the_page() -> None:
    hostile = [answer(f"# Heading {i}\n| a | b |\n~~~~ {i}") for i in range(5)]
    report = write_report([pool(*hostile)], examples=2)
    assert sum(line.startswith("    # Heading") for line in report.splitlines()) == 2
    assert not [line for line in report.splitlines() if line.startswith("# Heading")]


def test_almost_every_real_answer_extracts(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(ExtractionReport(data=real_data, out=tmp_path / "report.md", _cli_parse_args=False))
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \|[^|]+\|[^|]+\| (\S+) \|", (tmp_path / "report.md").read_text(), re.MULTILINE)
    shares = {name: int(extracted) / int(total) for name, total, extracted, _ in rows}
    assert shares["LiveCodeBench, o1-mini"] == shares["LeetCodeDataset, model-written answers"] == 1
    assert shares["KodCode, DeepSeek-R1 with reasoning"] > 0.98
    assert {passed for *_, passed in rows} <= {"0", "–"}, "no answer that its publisher's tests passed is rejected"
    assert "2735 answers" in capsys.readouterr().out


def test_reasoning_is_never_taken_for_the_answer() -> None:
    """What the report relies on: drafts inside the reasoning are not the program."""
    assert extract_code(f"<think>{GOOD.replace('return x', 'return 0')}</think>\n{GOOD}").code == "def f(x):\n    return x"

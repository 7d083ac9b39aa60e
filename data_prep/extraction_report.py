"""How many real answers a program can be extracted from, and why not from the rest: `python -m data_prep.extraction_report`.

Runs `extract_code` over every answer of the published pools. Where the publisher's own tests passed an answer that is rejected here, either
the extraction is wrong or the answer was judged more leniently; such answers are counted apart, and shown first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.extraction import REASONS, Policy, extract_code
from code_reward.files import write_text
from data_prep.candidates import Candidate, load_candidates
from data_prep.sources import load
from data_prep.sources.declarations import tells
from data_prep.sources.records import Record, read_records

# Of an answer, shown as an example: its last characters, where the reason mostly is.
TAIL = 600


class EntryPointRecord(Record):
    task_id: str
    entry_point: str


class QuestionRecord(Record):
    question_id: str
    question: str


@dataclass(frozen=True)
class Pool:
    """Answers, and the entry point that each must define."""

    name: str
    answers: Sequence[Candidate]
    entry_points: dict[str, str | None]


@dataclass(frozen=True)
class Rejection:
    """An answer without a program."""

    answer: Candidate
    reason: str

    @property
    def passed(self) -> bool:
        """Whether the publisher's tests, or some of them, passed this answer."""
        return any(self.answer.published.values())


@dataclass(frozen=True)
class Findings:
    """What came of one pool."""

    pool: Pool
    rejections: Sequence[Rejection]
    same: int
    """Programs equal to what the publisher took from the answer."""


def examine(pool: Pool, policy: Policy = "last") -> Findings:
    """Extract from every answer of a pool."""
    rejections, same = [], 0
    for answer in pool.answers:
        extraction = extract_code(answer.response, policy, pool.entry_points.get(answer.problem_id))
        if extraction.reason:
            rejections.append(Rejection(answer, extraction.reason))
        elif extraction.code and extraction.code.strip() == answer.program.strip():
            same += 1
    return Findings(pool, sorted(rejections, key=lambda rejection: not rejection.passed), same)


def write_report(pools: Sequence[Pool], examples: int) -> str:
    """The report as Markdown: how many extract, by which policy, and examples of why the others do not."""
    found = [examine(pool) for pool in pools if pool.answers]
    absent = [f"No answers: {pool.name}." for pool in pools if not pool.answers]
    parts = ["# What extracts from real answers", _table(found), *absent, "## By policy", _policies(pools)]
    parts += ["## Why the rest do not", _glossary(found)]
    parts += [_examples(findings, examples) for findings in found if findings.rejections]
    return "\n\n".join(parts) + "\n"


def _table(found: Sequence[Findings]) -> str:
    lines = [
        "| answers | number | extract | share | reasons of the rest | rejected, but passed by the publisher | as the publisher extracted |",
        "|---|---|---|---|---|---|---|",
    ]
    for findings in found:
        total, rejected = len(findings.pool.answers), len(findings.rejections)
        reasons = Counter(rejection.reason for rejection in findings.rejections).most_common()
        passed = sum(rejection.passed for rejection in findings.rejections)
        comparable = any(answer.program and answer.program in answer.response for answer in findings.pool.answers)
        cells = [findings.pool.name, total, total - rejected, f"{(total - rejected) / total:.1%}"]
        cells += [", ".join(f"{reason} {count}" for reason, count in reasons) or "–"]
        cells += [passed if any(answer.published for answer in findings.pool.answers) else "–", findings.same if comparable else "–"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _policies(pools: Sequence[Pool]) -> str:
    policies: tuple[Policy, ...] = get_args(Policy)
    lines = ["| answers | " + " | ".join(policies) + " |", "|---" * (len(policies) + 1) + "|"]
    for pool in pools:
        if pool.answers:
            shares = [1 - len(examine(pool, policy).rejections) / len(pool.answers) for policy in policies]
            lines.append(f"| {pool.name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return "\n".join(lines)


def _glossary(found: Sequence[Findings]) -> str:
    met = {rejection.reason for findings in found for rejection in findings.rejections}
    return "\n".join(f"- `{reason}`: {meaning}." for reason, meaning in REASONS.items() if reason in met)


def _examples(findings: Findings, examples: int) -> str:
    parts = [f"### {findings.pool.name}"]
    for reason in dict.fromkeys(rejection.reason for rejection in findings.rejections):
        for rejection in [some for some in findings.rejections if some.reason == reason][:examples]:
            answer = rejection.answer
            entry_point = findings.pool.entry_points.get(answer.problem_id)
            verdict = ", ".join(f"{tests} {'passed' if passed else 'failed'}" for tests, passed in answer.published.items())
            asked = f"; must define `{entry_point}`" if entry_point else ""
            parts.append(f"`{reason}`: {answer.problem_id}{asked}{f' (publisher: {verdict})' if verdict else ''}; the answer ends:")
            parts.append("\n".join(f"    {line}" for line in answer.response[-TAIL:].splitlines()))
    return "\n\n".join(parts)


def _kodcode(path: Path) -> list[Pool]:
    """Two pools: a question that does not name the function cannot expect an answer that defines it."""
    questions = {record.question_id: record.question for record in read_records(path, QuestionRecord)}
    entry_points = {problem.id: problem.entry_point for problem in load("kodcode", path)}
    answers = load_candidates("kodcode", path)
    told = {id_ for id_, name in entry_points.items() if not name or tells(questions[id_], name)}
    return [
        Pool("KodCode, DeepSeek-R1 with reasoning", [a for a in answers if a.problem_id in told], entry_points),
        Pool("KodCode, the question does not name the function", [a for a in answers if a.problem_id not in told], entry_points),
    ]


def _loaded(name: str, source: str) -> Callable[[Path], list[Pool]]:
    def read(path: Path) -> list[Pool]:
        return [Pool(name, load_candidates(source, path), {problem.id: problem.entry_point for problem in load(source, path)})]

    return read


def _qwen(name: str, tasks: str) -> Callable[[Path], list[Pool]]:
    def read(path: Path) -> list[Pool]:
        known = read_records(path.parents[1] / tasks, EntryPointRecord)
        return [Pool(name, load_candidates("qwen25coder", path), {record.task_id: record.entry_point for record in known})]

    return read


def _rm_bench(path: Path) -> list[Pool]:
    answers = [answer for answer in load_candidates("rm_bench", path) if (answer.model_extra or {})["language"] == "python"]
    return [Pool("RM-Bench, Python part", answers, {})]


# By the place of a file under the data folder (docs/real_data.md).
READERS: dict[str, Callable[[Path], list[Pool]]] = {
    "problems/kodcode_sample.json.gz": _kodcode,
    "candidates/lcb_o1mini.json.gz": _loaded("LiveCodeBench, o1-mini", "lcb"),
    "problems/leetcode_train.jsonl.gz": _loaded("LeetCodeDataset, model-written answers", "leetcode"),
    "candidates/qwen25coder_1.5b_humaneval.json.gz": _qwen("Qwen2.5-Coder 1.5B, HumanEval completions", "problems/humaneval_plus.jsonl.gz"),
    "candidates/qwen25coder_1.5b_mbpp.json.gz": _qwen("Qwen2.5-Coder 1.5B, MBPP completions", "problems/mbpp_plus.jsonl.gz"),
    "pairs/rm_bench_code_sample.json": _rm_bench,
}


class ExtractionReport(Command):
    """Extract programs from the real answers of a data folder and report what does not extract, and why."""

    data: Path
    """The data folder; docs/real_data.md describes it."""
    out: Path
    """The report, a Markdown file."""
    examples: int = Field(default=2, ge=0)
    """Examples per pool and reason."""


def main(settings: ExtractionReport) -> None:
    """Read, extract, write."""
    pools = [pool for place, read in READERS.items() for pool in read(settings.data / place)]
    write_text(settings.out, write_report(pools, settings.examples))
    print(f"{sum(len(pool.answers) for pool in pools)} answers from {len(pools)} pools: {settings.out}")


if __name__ == "__main__":
    run(ExtractionReport, main)

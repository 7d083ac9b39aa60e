"""Pools of whole answers: prose, reasoning and fenced code, from which a program has to be extracted."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from code_reward.errors import DataError
from data_prep.candidates.candidate import Candidate
from data_prep.sources.acecode import AceCodeRecord
from data_prep.sources.coderm import CodeRMRecord, problem_id
from data_prep.sources.records import Record, each, read_records


class SubmissionRecord(Record):
    question_id: str
    output_list: list[str]
    code_list: list[str]
    graded_list: list[bool]


def livecodebench(path: Path) -> list[Candidate]:
    """A LiveCodeBench submission: whole outputs, the code that the benchmark took from them, its verdicts on hidden tests."""
    records = read_records(path, SubmissionRecord)
    return [candidate for outputs in each(path, records, _outputs) for candidate in outputs]


def _outputs(record: SubmissionRecord) -> list[Candidate]:
    if not len(record.output_list) == len(record.code_list) == len(record.graded_list):
        raise DataError("output_list, code_list and graded_list differ in length; correct the row or remove it.")
    return [
        Candidate(problem_id=record.question_id, program=code, response=output, published={"hidden": graded})
        for output, code, graded in zip(record.output_list, record.code_list, record.graded_list, strict=True)
    ]


class Turn(Record):
    speaker: str = Field(alias="from")
    value: str


class ConversationRecord(Record):
    question_id: str
    conversations: list[Turn]
    r1_solution: str
    r1_correctness: bool


def kodcode(path: Path) -> list[Candidate]:
    """KodCode's conversations: a reasoning model's whole answers.

    The published verdict is of `r1_solution`; where that is another program than the answer holds, the answer has no verdict.
    """
    return each(path, read_records(path, ConversationRecord), _conversation)


def _conversation(record: ConversationRecord) -> Candidate:
    answers = [turn.value for turn in record.conversations if turn.speaker == "gpt"]
    if not answers:
        raise DataError("conversations has no turn from gpt; correct the row or remove it.")
    published = {"tests": record.r1_correctness} if record.r1_solution.strip() in answers[-1] else {}
    return Candidate(problem_id=record.question_id, response=answers[-1], published=published, model="deepseek-r1")


def acecode(path: Path) -> list[Candidate]:
    """The models' answers beside every AceCode question; the published verdict is whether it passed all of the test cases."""
    return [
        Candidate(problem_id=record.id, response=answer.completion, published={"tests": answer.pass_rate >= 1}, model=answer.model_name)
        for record in read_records(path, AceCodeRecord)
        for answer in record.inferences
    ]


def coderm(path: Path) -> list[Candidate]:
    """The programs beside every question of CodeRM-UnitTest; nobody has published a verdict on them."""
    return [
        Candidate(problem_id=problem_id(record), program=program.code)
        for record in read_records(path, CodeRMRecord)
        for program in record.code_generate
        if program.code.strip()
    ]


class RMBenchRecord(Record):
    id: int
    language: str
    chosen: list[str]
    rejected: list[str]


def rm_bench(path: Path) -> list[Candidate]:
    """RM-Bench's code answers, right and wrong ones in three styles each; `language` is kept, for most are not Python."""
    return [
        Candidate(problem_id=str(record.id), response=response, published={"rm_bench": right}, language=record.language)
        for record in read_records(path, RMBenchRecord)
        for right, responses in ((True, record.chosen), (False, record.rejected))
        for response in responses
    ]


class LeetCodeRecord(Record):
    task_id: str
    response: str


def leetcode(path: Path) -> list[Candidate]:
    """The model-written answer beside every LeetCodeDataset task; nobody has published a verdict on it."""
    return [Candidate(problem_id=record.task_id, response=record.response) for record in read_records(path, LeetCodeRecord)]


class BenchmarkRecord(Record):
    task_id: str
    text: str
    program: str
    referee: dict[str, str]
    sandbox: dict[str, str]


def benchmark(path: Path) -> list[Candidate]:
    """The answers of a policy to a benchmark (`answers.jsonl.gz` of `benchmarks.policy`), with the verdicts of its judge."""
    return [
        Candidate(
            problem_id=record.task_id,
            program=record.program,
            response=record.text,
            published={name: verdict == "pass" for name, verdict in (record.referee or record.sandbox).items() if verdict != "missing"},
        )
        for record in read_records(path, BenchmarkRecord)
    ]

"""Pools of completions: what follows a prompt that ends inside a function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from code_reward.errors import DataError
from code_reward.reward_data import Origin
from data_prep.candidates.candidate import Candidate
from data_prep.sources.records import Record, each, read_json, read_records

# Where a completion stops being the body of the asked function (Codex, and CodeT's evaluation of the CodeGen pool).
STOP_SEQUENCES = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


def cut(completion: str) -> str:
    """The completion up to where it leaves the function that it completes."""
    ends = [position for position in map(completion.find, STOP_SEQUENCES) if position >= 0]
    return completion[: min(ends, default=len(completion))]


class CodeGenRecord(Record):
    task_id: str
    prompt: str
    solutions: list[str]


def codegen16b(path: Path) -> list[Candidate]:
    """CodeGen-16B's completions of HumanEval prompts (from which CodeT removed the examples); a program is prompt plus completion."""
    return [
        Candidate(problem_id=record.task_id, program=record.prompt + cut(solution), response=solution, model="codegen-16b")
        for record in read_records(path, CodeGenRecord)
        for solution in record.solutions
    ]


class Generation(Record):
    task_id: str
    completion: str


class EvalPlusVerdict(Record):
    solution: str
    base_status: str
    plus_status: str


def qwen25coder(path: Path) -> list[Candidate]:
    """Qwen2.5-Coder's completion of every HumanEval or MBPP task; the program is the one that evalplus judged."""
    content = read_json(path)
    if not isinstance(content, dict) or not {"generations", "eval"} <= content.keys():
        raise DataError(f"{path} has no `generations` and `eval`; check that it is the published file.")

    def convert(row: Any) -> Candidate:
        generation = Generation.model_validate(row)
        return _judged(generation, content["eval"].get(generation.task_id))

    return each(path, content["generations"], convert)


def _judged(generation: Generation, verdicts: Any) -> Candidate:
    if not verdicts:
        raise DataError(f"{generation.task_id} has no verdict under `eval`; correct the row or remove it.")
    verdict = EvalPlusVerdict.model_validate(verdicts[0])
    return Candidate(
        problem_id=generation.task_id,
        program=verdict.solution,
        response=generation.completion,
        published={"base": verdict.base_status == "pass", "plus": verdict.plus_status == "pass"},
        model="qwen2.5-coder-1.5b",
    )


class TwinsRecord(Record):
    task_id: str
    prompt: str
    canonical_solution: str
    buggy_solution: str


def humanevalpack(path: Path) -> list[Candidate]:
    """HumanEvalPack's reference and buggy solutions, two candidates per task."""
    return [candidate for record in read_records(path, TwinsRecord) for candidate in _twins(record)]


def _twins(record: TwinsRecord) -> list[Candidate]:
    bodies: list[tuple[str, bool, Origin]] = [(record.canonical_solution, True, "reference"), (record.buggy_solution, False, "mutant")]
    return [
        Candidate(problem_id=record.task_id, program=record.prompt + body, published={"tests": right}, origin=origin)
        for body, right, origin in bodies
    ]

"""Published pools of generated tests: `python -m data_prep.unit_tests.pools codegen16b PATH --out FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.problem import AssertTest, UnittestTest
from code_reward.rows import write_rows
from data_prep.sources.coderm import CodeRMRecord, problem_id
from data_prep.sources.records import Record, read_records
from data_prep.unit_tests.asserts import read_asserts
from data_prep.unit_tests.sample import TestSample


class CodeGenRecord(Record):
    task_id: str
    entry_point: str
    test_samples: list[str]


def codegen16b(path: Path, most: int = 5) -> list[TestSample]:
    """CodeGen-16B's assertions for HumanEval, 100 samples a task, published with CodeT; the first `most` of each sample."""
    return [
        _sample(record, text, read_asserts(text, record.entry_point, most))
        for record in read_records(path, CodeGenRecord)
        for text in record.test_samples
    ]


def _sample(record: CodeGenRecord, text: str, tests: list[AssertTest]) -> TestSample:
    reason = "" if tests else "no_assertion"
    return TestSample(problem_id=record.task_id, tests=[*tests], response=text, reason=reason, model="codegen-16b")


def coderm(path: Path) -> list[TestSample]:
    """The unit tests of CodeRM-UnitTest, a sample each; the published rates of wrong verdicts are kept as `far` and `frr`."""
    return [
        TestSample.model_validate(
            {
                "problem_id": problem_id(record),
                "tests": [UnittestTest(code=test.code)],
                "response": f"```python\n{test.code}\n```",
                "model": "llama-3.1-70b-instruct",
                "far": test.false_acceptance,
                "frr": test.false_rejection,
            }
        )
        for record in read_records(path, CodeRMRecord)
        for test in record.unit_tests
    ]


class Pools(Command):
    """Turn a published pool of generated tests into rows of test samples."""

    name: CliPositionalArg[Literal["codegen16b", "coderm"]]
    """codegen16b (CodeT's) or coderm (CodeRM-UnitTest, what CodeRM-8B learnt from)."""
    path: CliPositionalArg[Path]
    """The published file."""
    out: Path
    """File for the test samples (JSONL or parquet)."""
    most: int = Field(default=5, ge=1)
    """Assertions that are kept of each sample of codegen16b, as in CodeT."""


def main(settings: Pools) -> None:
    """Read, write, and say how many."""
    samples = codegen16b(settings.path, settings.most) if settings.name == "codegen16b" else coderm(settings.path)
    used = [sample for sample in samples if sample.tests]
    if not used:
        raise DataError(f"{settings.path} has no sample that holds a test; give the published file.")
    write_rows(settings.out, samples)
    distinct = {(sample.problem_id, test) for sample in used for test in sample.tests}
    problems = len({sample.problem_id for sample in samples})
    print(f"{len(samples)} samples for {problems} problems, {len(used)} with tests, {len(distinct)} distinct tests: {settings.out}")


if __name__ == "__main__":
    run(Pools, main)

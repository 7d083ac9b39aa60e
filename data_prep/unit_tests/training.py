"""Training data for a test generator: `python -m data_prep.unit_tests.training --problems F --tests F --wrong F --out F`.

Samples that were written from the reference solutions run on these; one that fails is repaired; what still fails is dropped, and so is what
lets too many wrong programs pass. What is left becomes rows for supervised training, in CodeRM-8B's prompt format. Every sample that is
not left is counted under its reason. Beside the rows lies a journal, from which a killed run continues.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import SandboxError
from code_reward.problem import Problem, UnittestTest
from code_reward.reward_data import LabelledProgram
from data_prep.llm.request import Sampling
from data_prep.unit_tests.repair import repair
from data_prep.unit_tests.sample import TestSample
from data_prep.unit_tests.synthesis import request_test
from reward_servers.sandbox.outcome import Limits, Outcome, Sandbox


@dataclass(frozen=True)
class Judged:
    """What became of one sample: a test that is worth learning from, or the reason why there is none."""

    test: str | None
    """Its code."""
    reason: str = ""
    repaired: bool = False
    accepted_wrong: float = 0.0
    """Share of the wrong programs that pass."""


async def judge(
    sample: TestSample, problem: Problem, wrong: Sequence[str], sandbox: Sandbox, limits: Limits, most_accepted: float
) -> Judged:
    """Run one sample on the reference and on wrong programs; raises `SandboxError` when the sandbox fails."""
    if not sample.tests or not isinstance(sample.tests[0], UnittestTest):
        return Judged(None, sample.reason or "no_test_class")
    test, reference = sample.tests[0], problem.reference_solution or ""
    passes = (await _run(reference, test, problem, sandbox, limits)).passed
    repaired = None if passes else await repair(test, reference, problem.entry_point or "", sandbox, limits)
    if not passes and (repaired is None or not (await _run(reference, repaired, problem, sandbox, limits)).passed):
        return Judged(None, "rejects_the_reference")
    test = repaired or test
    verdicts = [(await _run(program, test, problem, sandbox, limits)).passed for program in wrong]
    accepted = sum(verdicts) / len(verdicts) if verdicts else 0.0
    if accepted > most_accepted:
        return Judged(None, "accepts_wrong_programs", repaired is not None, accepted)
    return Judged(test.code, repaired=repaired is not None, accepted_wrong=accepted)


async def _run(program: str, test: UnittestTest, problem: Problem, sandbox: Sandbox, limits: Limits) -> Outcome:
    outcome = await sandbox.run(program, [test], entry_point=problem.entry_point, limits=limits)
    if outcome.kind == "sandbox_error":
        raise SandboxError(f"The sandbox fails on a test of {problem.id} ({outcome.message}); mend it and run this again.")
    return outcome


def training_row(problem: Problem, test: str, judged: Judged) -> LabelledProgram:
    """A row for `code_reward_trl.sft` (statement in, fenced program out), and the same as `messages` for trainers that read chats."""
    question = request_test(problem.statement, problem.reference_solution or "", Sampling()).prompt
    answer = f"```python\n{test.strip()}\n```"
    return LabelledProgram.model_validate(
        {
            "problem_id": problem.id,
            "statement": question,
            "program": test,
            "passed": True,
            "origin": "policy",
            "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
            "accepted_wrong": judged.accepted_wrong,
            "repaired": judged.repaired,
        }
    )


class Training(Command):
    """Make training data for a test generator from samples that were written from reference solutions."""

    problems: Path
    """Problems with reference solutions."""
    tests: Path
    """Test samples (data_prep.unit_tests.synthesis on the references)."""
    wrong: Path
    """Labelled programs of these problems; those that are wrong are used."""
    out: Path
    """File for the training rows."""
    wrong_per_problem: int = Field(default=10, ge=0)
    """Wrong programs that each test is tried on; the paper uses 10."""
    most_accepted: float = Field(default=0.4, ge=0, le=1)
    """Share of wrong programs that a test may let pass."""
    sandbox: str | None = None
    """Address of a sandbox server; without it, programs run in this machine's own sandbox."""


def main(settings: Training) -> None:
    """Judge, write, and say what came of the samples."""
    from code_reward.errors import DataError
    from code_reward.problem import load_problems
    from code_reward.rows import read_all, write_rows

    problems = {problem.id: problem for problem in load_problems(settings.problems) if problem.reference_solution}
    samples = [sample for sample in read_all([settings.tests], TestSample) if sample.problem_id in problems]
    wrong: dict[str, dict[str, None]] = {name: {} for name in problems}
    for row in read_all([settings.wrong], LabelledProgram):
        if not row.passed and row.program and row.problem_id in wrong and len(wrong[row.problem_id]) < settings.wrong_per_problem:
            wrong[row.problem_id][row.program] = None
    judged = asyncio.run(_judge_all(settings, samples, problems, {name: list(programs) for name, programs in wrong.items()}))
    kept: dict[tuple[str, str], LabelledProgram] = {}
    for sample, one in zip(samples, judged, strict=True):
        if one.test is not None:
            kept[sample.problem_id, one.test] = training_row(problems[sample.problem_id], one.test, one)
    rows = list(kept.values())
    if not rows:
        reasons = ", ".join(f"{reason} {times}" for reason, times in Counter(one.reason for one in judged if one.reason).most_common())
        raise DataError(f"No row came of {len(judged)} samples ({reasons or 'none is of a problem with a reference solution'}).")
    write_rows(settings.out, rows)
    repaired = sum(one.repaired and one.test is not None for one in judged)
    print(f"{len(rows)} training rows (of {len(judged)} samples, {repaired} repaired) for {len(problems)} problems: {settings.out}")
    for reason, times in Counter(one.reason for one in judged if one.reason).most_common():
        print(f"  {reason:<24} {times}")


async def _judge_all(
    settings: Training, samples: Sequence[TestSample], problems: dict[str, Problem], wrong: dict[str, list[str]]
) -> list[Judged]:
    from rich.progress import track

    from code_reward.journal import Journal
    from reward_servers.sandbox import connect

    sandbox = connect(settings.sandbox)
    limits = Limits(cpu_seconds=1.0)

    async def known_or_judged(sample: TestSample, journal: Journal) -> Judged:
        problem, programs = problems[sample.problem_id], wrong[sample.problem_id]
        asked = [sample.model_dump_json(), problem.model_dump_json(), *programs, limits.model_dump_json(), f"{settings.most_accepted:g}"]
        key = hashlib.sha256("\0".join(asked).encode("utf-8", "surrogatepass")).hexdigest()
        if key not in journal.records:
            journal.write(key, asdict(await judge(sample, problem, programs, sandbox, limits, settings.most_accepted)))
        return Judged(**journal.records[key])

    try:
        with Journal(f"{settings.out}.journal") as journal:
            tasks = [asyncio.ensure_future(known_or_judged(sample, journal)) for sample in samples]
            try:
                for task in track(tasks, "running tests"):
                    await task
            finally:  # None goes on where the journal is closed.
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            return [task.result() for task in tasks]
    finally:
        await sandbox.close()


if __name__ == "__main__":
    run(Training, main)

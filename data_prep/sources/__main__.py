"""Turn a published data set into problems: `python -m data_prep.sources NAME PATH --out FILE`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import DataError, SandboxError
from code_reward.problem import Problem, save_problems
from data_prep.sources import load


class Sources(Command):
    """Turn a published data set into problems."""

    name: CliPositionalArg[str]
    """humaneval, humaneval_plus, mbpp, mbpp_plus, leetcode, kodcode, opencodeinstruct, deepcoder, lcb, bigcodebench,
    bigcodebench_hard, humanevalpack, magicoder, problems (our own files), or a plugin's source."""
    path: CliPositionalArg[Path]
    """The published file, or OWNER/NAME of a data set on the Hugging Face hub."""
    out: Path
    """File for the problems (JSONL or parquet)."""
    verify: bool = False
    """Run every reference solution and leave out problems whose reference does not pass its own tests; beside the file lies a journal, from
    which a killed run continues."""


def main(settings: Sources) -> None:
    """Read, perhaps verify, write, and say how many of what."""
    problems = load(settings.name, settings.path)
    if not problems:
        raise DataError(f"{settings.path} holds no problems; give the published file, as docs/real_data.md names it.")
    if settings.verify:
        problems = _verified(problems, f"{settings.out}.journal")
    save_problems(settings.out, problems)
    kinds = Counter(test.kind for problem in problems for test in problem.tests)
    tests = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "none"
    print(f"{len(problems)} problems: {settings.out}")
    print(f"  tests: {tests}")
    print(f"  with a reference solution: {sum(problem.reference_solution is not None for problem in problems)}")


def _verified(problems: list[Problem], journal: str) -> list[Problem]:
    """The problems without those whose reference solution fails their tests; without tests or reference there is nothing to verify.

    Raises:
        SandboxError: The sandbox failed on some references each time, which says nothing of them.
    """
    from data_prep.candidates import Candidate
    from data_prep.label import label_now

    testable = [problem for problem in problems if problem.tests and problem.reference_solution]
    references = [Candidate(problem_id=problem.id, program=problem.reference_solution or "") for problem in testable]
    outcomes = {row.problem_id: row.outcome for row in label_now(testable, references, journal=journal)}
    unknown = [problem.id for problem in testable if problem.id not in outcomes]
    if unknown:
        raise SandboxError(
            f"The sandbox failed on {len(unknown)} references, such as that of {unknown[0]!r}; mend it and run this again, or take them "
            "out of the file."
        )
    failing = {problem.id for problem in testable if outcomes[problem.id] != "passed"}
    for problem_id in sorted(failing):
        print(f"  left out: {problem_id} (its reference solution: {outcomes[problem_id]})")
    return [problem for problem in problems if problem.id not in failing]


if __name__ == "__main__":
    run(Sources, main)

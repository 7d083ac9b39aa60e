"""How hard each problem is for a policy, by its reward model: `python -m data_prep.difficulty --problems F --completions F --rm-dir D …`.

Several answers of the initial policy to each problem are scored; the difficulty is 1 minus their mean reward, from 0 (every answer is
surely right) to 1 (no answer is accepted). No tests are needed. slime's `CurriculumDataSource` reads the file.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from code_reward.cli import Command, run
from code_reward.errors import DataError, RewardServerError
from code_reward.journal import Journal
from code_reward.problem import Problem, load_problems
from code_reward.reference import FILE as REFERENCE
from code_reward.reference import Dtype
from code_reward.rm_input import FILE as RM_INPUT
from code_reward.rows import read_all, write_rows
from code_reward.shaping import squash
from code_reward.verdict import Missing, Scored, Verdict, from_record, to_record

if TYPE_CHECKING:
    from reward_servers.client import RewardClient

IN_FLIGHT = 256
"""Answers asked for at once. A verdict's deadline runs from the question, so a whole file must not be asked at once."""


class Completion(BaseModel):
    """One answer of the policy; other columns are ignored."""

    model_config = ConfigDict(extra="ignore")

    problem_id: str
    response: str


class Difficulty(BaseModel):
    """A problem's difficulty in [0, 1], and what it was made from."""

    problem_id: str
    difficulty: float
    samples: int
    rejected: int


async def measure(
    problems: Sequence[Problem], completions: Sequence[Completion], client: RewardClient, journal: Journal | None = None
) -> list[Difficulty]:
    """The difficulty of each problem, easiest first; problems of one difficulty stay in order.

    Args:
        problems: Every problem needs at least one completion.
        completions: Answers of the policy, in any order; a rejected one counts as surely wrong.
        client: Asks the reward model.
        journal: Remembers verdicts, so that a run that was stopped continues.

    Raises:
        DataError: A completion's problem is unknown, or a problem has no completion.
        RewardServerError: Verdicts are missing. A difficulty made of the rest would depend on which ones were lost.
    """
    known = {problem.id: problem for problem in problems}
    answers: dict[str, list[Completion]] = {problem.id: [] for problem in problems}
    for completion in completions:
        if completion.problem_id not in known:
            raise DataError(f"A completion is for problem {completion.problem_id!r}, which the problem file does not have; give its file.")
        answers[completion.problem_id].append(completion)
    empty = [problem_id for problem_id, own in answers.items() if not own]
    if empty:
        raise DataError(f"{len(empty)} problems have no completion, the first is {empty[0]!r}; sample every problem.")
    verdicts = await _judge(known, completions, client, journal)
    rows = [_row(problem_id, [verdicts[_key(known[problem_id], one)] for one in own]) for problem_id, own in answers.items()]
    return sorted(rows, key=lambda row: row.difficulty)


def _key(problem: Problem, completion: Completion) -> str:
    text = "\0".join((problem.statement, problem.entry_point or "", completion.response))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def _judge(
    known: dict[str, Problem], completions: Sequence[Completion], client: RewardClient, journal: Journal | None
) -> dict[str, Verdict]:
    verdicts = {key: from_record(record) for key, record in (journal.records if journal else {}).items()}
    missing: Counter[str] = Counter()
    todo = iter({_key(known[one.problem_id], one): one for one in completions}.items())

    async def work() -> None:
        for key, completion in todo:
            if key in verdicts:
                continue
            problem = known[completion.problem_id]
            verdict = (await client.verdict(problem.statement, completion.response, problem.entry_point)).verdict
            if isinstance(verdict, Missing):
                missing[verdict.reason] += 1
                continue
            verdicts[key] = verdict
            if journal:
                journal.write(key, to_record(verdict))

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    if missing:
        causes = ", ".join(f"{reason} {count}" for reason, count in missing.most_common())
        raise RewardServerError(
            f"{missing.total()} verdicts are missing ({causes}); mend the server and run this again, the others are kept."
        )
    return verdicts


def _row(problem_id: str, verdicts: Sequence[Verdict]) -> Difficulty:
    worth = [squash(verdict.value) if isinstance(verdict, Scored) else 0.0 for verdict in verdicts]
    rejected = sum(not isinstance(verdict, Scored) for verdict in verdicts)
    return Difficulty(problem_id=problem_id, difficulty=1 - sum(worth) / len(worth), samples=len(verdicts), rejected=rejected)


class MeasureDifficulty(Command):
    """Sort problems by how hard a reward model finds them for a policy."""

    problems: Path
    """Problem file (JSONL or parquet)."""
    completions: Path
    """Answers of the initial policy: rows with problem_id and response, several per problem."""
    rm_dir: Path
    """Folder of the reward model; the small files suffice."""
    rm_urls: list[str]
    """Servers of the reward model."""
    rm_dtype: Dtype = "float32"
    """What these servers compute in: decides how exactly they must give the reference scores."""
    out: Path
    """File for the difficulties, easiest first; beside it lies a journal, from which a stopped run continues."""


def main(settings: MeasureDifficulty) -> None:
    """Measure and write."""
    from reward_servers.client import ClientSettings, RewardClient

    problems = load_problems(settings.problems)
    completions = read_all([settings.completions], Completion)

    client_settings = ClientSettings(dtype=settings.rm_dtype)

    async def work() -> list[Difficulty]:
        async with RewardClient(settings.rm_dir, settings.rm_urls, settings=client_settings) as client:
            with Journal(_journal_of(settings)) as journal:
                return await measure(problems, completions, client, journal)

    rows = asyncio.run(work())
    write_rows(settings.out, rows)
    easiest, hardest = rows[0], rows[-1]
    print(f"{len(rows)} problems from {easiest.difficulty:.3f} ({easiest.problem_id}) to {hardest.difficulty:.3f} ({hardest.problem_id})")
    print(f"{sum(row.rejected for row in rows)} of {sum(row.samples for row in rows)} answers are rejected: {settings.out}")


def _journal_of(settings: MeasureDifficulty) -> Path:
    """Where verdicts are remembered: another reward model has another journal."""
    digest = hashlib.sha256()
    for name in (REFERENCE, RM_INPUT):
        digest.update((settings.rm_dir / name).read_bytes())
    return settings.out.with_name(f"{settings.out.name}.{digest.hexdigest()[:12]}.journal")


if __name__ == "__main__":
    run(MeasureDifficulty, main)

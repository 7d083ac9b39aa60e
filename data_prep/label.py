"""Label candidates by executing tests: `python -m data_prep.label --problems F --candidates F --out F`.

Every distinct program of a problem is run once. A label says what the tests said; an answer that holds no program is wrong by itself; a
failure of the sandbox is never a label: such a program is tried again, and if that does not help it is left out, counted and reported.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import DataError, SandboxError
from code_reward.extraction import extract_code
from code_reward.problem import Problem, load_problems, runnable
from code_reward.reward_data import LabelledProgram
from code_reward.rows import write_rows
from data_prep.candidates import Candidate, read_candidates
from reward_servers.sandbox.outcome import Limits, Outcome, Sandbox

if TYPE_CHECKING:
    from code_reward.journal import Journal

ATTEMPTS = 3
RETRY_SECONDS = 0.5
# So many programs in a row without an outcome: the sandbox is down, and waiting for the rest would take hours.
GIVE_UP = 32
# Enough to keep a large sandbox busy; more would only hold memory.
IN_FLIGHT = 256

# What a journal's record is: a part of its key, so that one of another form is not taken for it.
RECORD = "outcome, tests"

Progress = Callable[[int, int], None]
Told = tuple[str, list[str]]
"""The outcome of a program, and of each of its tests that ran."""
log = logging.getLogger(__name__)


async def label(
    problems: Sequence[Problem],
    programs: Sequence[Candidate],
    sandbox: Sandbox,
    *,
    limits: Limits | None = None,
    share: float = 1.0,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> list[LabelledProgram]:
    """Run each program against its problem's tests.

    Args:
        problems: The problems of the programs, with tests.
        programs: Candidates; where one has only an answer, the program is extracted from it (an empty program if there is none).
        sandbox: Where programs run.
        limits: What one program may use.
        share: The share of the tests that makes a program right; below 1 all tests run, as tests that are wrong themselves need.
        journal: Remembers finished programs, so that a run that was killed continues.
        progress: Called with (done, all) distinct programs.

    Returns:
        One row per candidate, in order; `outcome` is the sandbox's, or the reason why an answer holds no program; `test_outcomes` tells it
        of each test that ran. Candidates for whose program the sandbox failed each time are left out, with a warning that counts them.

    Raises:
        DataError: A candidate's problem is unknown or has no tests.
        SandboxError: The sandbox failed on many programs in a row.
    """
    limits = (limits or Limits()).model_copy(update={"stop_at_first_failure": share == 1})
    known = {problem.id: (problem, _digest(problem, limits, share)) for problem in problems}
    jobs = [_job(candidate, *_problem_of(candidate, known)) for candidate in programs]
    outcomes = await _run_all({job.key: job for job in jobs if not job.rejected}, sandbox, limits, share, journal, progress)
    rows = [_row(job, outcomes.get(job.key, (job.rejected, []))) for job in jobs if job.rejected or job.key in outcomes]
    if len(rows) < len(jobs):
        log.warning("%d of %d candidates are left out: the sandbox failed on their programs.", len(jobs) - len(rows), len(jobs))
    return rows


@dataclass(frozen=True)
class Job:
    """One candidate with the program to run."""

    candidate: Candidate
    problem: Problem
    program: str
    runs: str
    """The program as it is run: one that was extracted from an answer gets the starter code before it."""
    rejected: str
    """Why the answer holds no program; empty if it holds one."""
    key: str
    """Equal for what need not be run twice: the same program, tests and limits."""


def _digest(problem: Problem, limits: Limits, share: float) -> str:
    own = limits.allowing(problem.time_limit_seconds)
    setting = problem.model_dump_json(include={"id", "entry_point", "tests"}) + own.model_dump_json() + f"{share:g}"
    return hashlib.sha256(setting.encode("utf-8", "surrogatepass")).hexdigest()


def _problem_of(candidate: Candidate, known: dict[str, tuple[Problem, str]]) -> tuple[Problem, str]:
    if candidate.problem_id not in known:
        raise DataError(f"A candidate is for problem {candidate.problem_id!r}, which the problem file does not have; give its file.")
    problem, digest = known[candidate.problem_id]
    if not problem.tests:
        raise DataError(f"Problem {problem.id!r} has no tests to label with; leave its candidates out.")
    return problem, digest


def _job(candidate: Candidate, problem: Problem, digest: str) -> Job:
    program, runs, rejected = candidate.program, candidate.program, ""
    if not program:
        extraction = extract_code(candidate.response, entry_point=problem.entry_point)
        program, rejected = extraction.code or "", extraction.reason or ""
        runs = runnable(problem, program)
    key = hashlib.sha256(f"{RECORD}\0{digest}\0{runs}".encode("utf-8", "surrogatepass")).hexdigest()
    return Job(candidate, problem, program, runs, rejected, key)


async def _run_all(
    jobs: dict[str, Job], sandbox: Sandbox, limits: Limits, share: float, journal: Journal | None, progress: Progress | None
) -> dict[str, Told]:
    """What became of each job, by its key; jobs on which the sandbox failed are absent."""
    outcomes: dict[str, Told] = {key: told for key, told in (journal.records if journal else {}).items() if key in jobs}
    todo = iter([job for key, job in jobs.items() if key not in outcomes])
    finished, failed_in_a_row, said = len(outcomes), 0, ""

    async def work() -> None:
        nonlocal finished, failed_in_a_row, said
        for job in todo:
            outcome = await _run(job, sandbox, limits)
            if outcome.kind == "sandbox_error":
                failed_in_a_row, said = failed_in_a_row + 1, outcome.message
            else:
                failed_in_a_row = 0
            if failed_in_a_row >= GIVE_UP:
                raise SandboxError(f"The sandbox failed on {GIVE_UP} programs in a row ({outcome.message}); mend it and run this again.")
            if not failed_in_a_row:
                enough = sum(test.kind == "passed" for test in outcome.tests) >= share * len(job.problem.tests)
                outcomes[job.key] = "passed" if enough else outcome.kind, [test.kind for test in outcome.tests]
                if journal:
                    journal.write(job.key, outcomes[job.key])
            finished += 1
            if progress:
                progress(finished, len(jobs))

    await _together([work() for _ in range(IN_FLIGHT)])
    if failed := len(jobs) - len(outcomes):
        log.warning("The sandbox failed %d times on each of %d programs, and last said: %s", ATTEMPTS, failed, said)
    return outcomes


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; when one fails, cancel the others before its exception goes on."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _run(job: Job, sandbox: Sandbox, limits: Limits) -> Outcome:
    for attempt in range(ATTEMPTS):
        await asyncio.sleep(attempt * RETRY_SECONDS)
        try:
            own = limits.allowing(job.problem.time_limit_seconds)
            outcome = await sandbox.run(job.runs, job.problem.tests, entry_point=job.problem.entry_point, limits=own)
        except DataError as error:
            raise DataError(f"Problem {job.problem.id!r}: {error}") from error
        if outcome.kind != "sandbox_error":
            break
    return outcome


def _row(job: Job, told: Told) -> LabelledProgram:
    problem, candidate, (outcome, tests) = job.problem, job.candidate, told
    known = {name: value for name, value in (("model", candidate.model), ("published", candidate.published)) if value}
    return LabelledProgram.model_validate(
        {
            **(candidate.model_extra or {}),
            **known,
            "problem_id": problem.id,
            "statement": problem.statement,
            "entry_point": problem.entry_point,
            "program": job.program,
            "passed": outcome == "passed",
            "outcome": outcome,
            "test_outcomes": tests,
            "origin": candidate.origin,
            "group": str((problem.model_extra or {}).get("family", problem.source)),
        }
    )


def label_now(
    problems: Sequence[Problem],
    programs: Sequence[Candidate],
    *,
    url: str | None = None,
    limits: Limits | None = None,
    share: float = 1.0,
    journal: str | Path | None = None,
) -> list[LabelledProgram]:
    """`label` for scripts: an event loop, a sandbox (the server at `url`, else this machine's) and a progress bar of its own."""
    from rich.progress import Progress as Bar

    from code_reward.journal import Journal
    from reward_servers.sandbox import connect

    async def work() -> list[LabelledProgram]:
        sandbox = connect(url)
        try:
            with Journal(journal) if journal else nullcontext() as memory, Bar() as bar:
                task = bar.add_task("running programs", total=None)

                def show(done: int, total: int) -> None:
                    bar.update(task, completed=done, total=total)

                return await label(problems, programs, sandbox, limits=limits, share=share, journal=memory, progress=show)
        finally:
            await sandbox.close()

    return asyncio.run(work())


class Label(Command):
    """Label candidates by executing their problems' tests."""

    problems: Path
    """Problems with tests."""
    candidates: list[Path]
    """Candidate rows: problem_id, and program or response; several files are put together."""
    out: Path
    """File for the labelled programs; beside it lies a journal, from which a killed run continues."""
    sandbox: str | None = None
    """Address of a sandbox server; without it, programs run in this machine's own sandbox."""
    cpu_seconds: float = Field(default=3.0, gt=0)
    """CPU seconds that a program may use per test; more where a problem's `time_limit_seconds` allows it."""
    wall_seconds: float = Field(default=15.0, gt=0)
    """Seconds that a program may take for all its tests; the thousand tests of an evalplus task need more than 15."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of its tests that a program must pass to count as right; below 1 where tests themselves may be wrong."""
    allow_none: bool = False
    """Write labels even if no answer holds a program: a result where a policy is measured, mostly a mistake in a file of one's own."""


def main(settings: Label) -> int:
    """Label and write; the status is 1 if candidates had to be left out."""
    problems = load_problems(settings.problems)
    candidates = read_candidates(settings.candidates)
    limits = Limits(cpu_seconds=settings.cpu_seconds, wall_seconds=settings.wall_seconds)
    rows = label_now(problems, candidates, url=settings.sandbox, limits=limits, share=settings.share, journal=f"{settings.out}.journal")
    counts = Counter(row.outcome for row in rows)
    if candidates and not any(row.program for row in rows) and not (settings.allow_none and rows):
        causes = ", ".join(f"{outcome} {count}" for outcome, count in counts.most_common()) or "the sandbox failed on every one"
        raise DataError(f"None of the {len(candidates)} candidates has a label that is of a program ({causes}); look at their answers.")
    write_rows(settings.out, rows)
    right = sum(row.passed for row in rows)
    print(f"{len(rows)} labelled programs, {right} of them right, for {len({row.problem_id for row in rows})} problems: {settings.out}")
    for outcome, count in counts.most_common():
        print(f"  {outcome:<20} {count}")
    if len(rows) < len(candidates):
        print(f"  left out (sandbox)   {len(candidates) - len(rows)}")
        return 1
    return 0


if __name__ == "__main__":
    run(Label, main)

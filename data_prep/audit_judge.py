"""How far a judge can be trusted: `python -m data_prep.audit_judge --problems F --labelled F --out F`.

The judge judges programs whose truth hidden tests have told (`data_prep.label`), and is compared with it: AUC and calibration with
intervals over problems, confusion by the way a program fails, agreement with itself when asked again. Prefixes are measured apart, as the
search values them: the mean of what is said of the programs that begin so, against the share of these that pass.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import CodeRewardError, DataError
from data_prep.judges.judgement import RIGHT
from data_prep.together import work_off

if TYPE_CHECKING:
    from code_reward.problem import Problem
    from code_reward.reward_data import LabelledProgram
    from data_prep.judges import Bench, Judge
    from data_prep.llm import Ledger


@dataclass(frozen=True)
class Item:
    """One program, or one prefix, with the truth and what the judge said."""

    problem_id: str
    program: str
    truth: float
    """1 if it passes the hidden tests, 0 if not; of a prefix, the share of programs below it that pass."""
    outcome: str
    """The hidden tests' outcome; of a prefix, empty."""
    said: tuple[float, ...]
    """Each time that the judge was asked."""


@dataclass
class Audit:
    """What was measured; what could not be judged is counted by the kind of its failure."""

    items: list[Item] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)


async def audit(
    problems: Sequence[Problem],
    labelled: Sequence[LabelledProgram],
    judge: Judge,
    ledger: Ledger,
    *,
    repeats: int = 1,
    at_once: int = 16,
) -> Audit:
    """Judge every labelled program `repeats` times.

    Raises:
        DataError: A program's problem is unknown.
        RunStopped: The budget is spent; what was paid is in the ledger.
    """
    known = {problem.id: problem for problem in problems}
    if missing := sorted({row.problem_id for row in labelled} - set(known)):
        raise DataError(f"The problem file lacks {missing[0]!r}, for which there are labelled programs; give its file.")
    from rich.progress import track

    result = Audit()
    rows: dict[str, list[LabelledProgram]] = {}
    for row in labelled:
        rows.setdefault(row.problem_id, []).append(row)
    waiting = iter(track(rows.items(), "judging, problem by problem"))

    async def judge_all(one: tuple[str, list[LabelledProgram]]) -> None:
        problem_id, programs = one
        await _audit_problem(known[problem_id], programs, judge, ledger, repeats, result)

    await work_off(waiting, judge_all, at_once)
    return result


async def _audit_problem(
    problem: Problem, programs: Sequence[LabelledProgram], judge: Judge, ledger: Ledger, repeats: int, result: Audit
) -> None:
    scope = ledger.scope(f"{problem.id}#audit")
    try:
        bench = await judge.open(problem, scope)
    except DataError as error:
        result.failures[f"problem: {error.kind}"] += 1
        return
    for number, row in enumerate(programs):
        # A scope per program: its questions are the same whichever programs are beside it.
        said = await _ask(bench, row.program, ledger, f"{problem.id}#audit-{number}", repeats, result)
        if said:
            result.items.append(Item(problem.id, row.program, float(row.passed), row.outcome, said))


async def _ask(bench: Bench, program: str, ledger: Ledger, name: str, repeats: int, result: Audit) -> tuple[float, ...]:
    from data_prep.llm import RunStopped

    said = []
    scope = ledger.scope(name)
    for _ in range(repeats):
        try:
            said.append((await bench.judge(program, "", scope)).correctness)
        except RunStopped:
            raise
        except CodeRewardError as error:
            result.failures[f"program: {error.kind}"] += 1
    return tuple(said)


def draw(rows: Sequence[LabelledProgram], most: int | None, seed: int) -> list[LabelledProgram]:
    """The distinct programs of each problem, at most `most` of them; the same ones whatever the order of rows."""
    distinct = {(row.problem_id, row.program): row for row in rows if row.program}
    by_problem: dict[str, list[LabelledProgram]] = {}
    for _, row in sorted(distinct.items()):
        by_problem.setdefault(row.problem_id, []).append(row)
    return [
        row
        for problem_id, programs in by_problem.items()
        for row in (programs if most is None else Random(f"{seed}/{problem_id}").sample(programs, min(most, len(programs))))
    ]


def prefix_items(items: Sequence[Item]) -> list[Item]:
    """The places where the segments of a problem's programs part, each with at least two programs below.

    Programs that do not parse have no segments, and are below none.
    """
    below: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        for prefix in _prefixes(item.program):
            below.setdefault((item.problem_id, *prefix), []).append(item)
    # Of the prefixes of the very same programs the longest stands for all.
    forks = {frozenset(map(id, programs)): (prefix, programs) for prefix, programs in below.items() if len(programs) > 1}
    return [
        Item(prefix[0], "\n".join(prefix[1:]), fmean(one.truth for one in programs), "", (fmean(one.said[0] for one in programs),))
        for prefix, programs in forks.values()
    ]


def _prefixes(program: str) -> Iterator[tuple[str, ...]]:
    """Proper ones, shortest first, without comments."""
    from data_prep.search import split_program

    with contextlib.suppress(DataError):
        keys = [segment.key for segment in split_program(program, "statements").segments]
        yield from (tuple(keys[:size]) for size in range(1, len(keys)))


def to_markdown(title: str, items: Sequence[Item]) -> str:
    """The figures of one kind of items; says so where there is nothing to measure."""
    if not items:
        return f"## {title}\n\nNone."
    import numpy as np

    from code_reward.metrics import auc, bootstrap, reliability

    truth = np.array([item.truth for item in items])
    said = np.array([item.said[0] for item in items])
    groups = [item.problem_id for item in items]
    right = (truth >= 0.5).astype(float)
    lines = [f"## {title}", f"{len(items)} items of {len(set(groups))} problems, {int(right.sum())} right."]
    try:
        area = bootstrap(auc, right, said, groups=groups, seed=0, resamples=500)
        lines.append(f"AUC {area.estimate:.3f} [{area.low:.3f}, {area.high:.3f}]")
        calibration = reliability(truth, said)
        lines.append(f"Expected calibration error {calibration.ece:.3f}")
        rows = [f"| {one.low:.1f}–{one.high:.1f} | {one.count} | {one.confidence:.2f} | {one.accuracy:.2f} |" for one in calibration.bins]
        lines.append("\n".join(["| said | items | mean said | share right |", "| --- | --- | --- | --- |", *rows]))
    except DataError as error:
        lines.append(f"Not measured: {error}")
    return "\n\n".join(lines)


def confusion(items: Sequence[Item]) -> str:
    """What the judge says, by what the hidden tests say."""
    counts: dict[str, Counter[bool]] = {}
    for item in items:
        counts.setdefault(item.outcome or "passed", Counter())[item.said[0] >= RIGHT] += 1
    rows = [f"| {outcome} | {count[True]} | {count[False]} |" for outcome, count in sorted(counts.items())]
    return "\n".join(["| hidden tests | judge says right | judge says wrong |", "| --- | --- | --- |", *rows])


def self_disagreement(items: Sequence[Item]) -> float | None:
    """The share of pairs of answers about one program that are on different sides of right; None where nothing was asked twice."""
    pairs = [(a >= RIGHT) != (b >= RIGHT) for item in items for place, a in enumerate(item.said) for b in item.said[place + 1 :]]
    return sum(pairs) / len(pairs) if pairs else None


class AuditJudge(Command):
    """Measure a judge against hidden tests."""

    problems: Path
    """The problems."""
    labelled: Path
    """Labelled programs (data_prep.label)."""
    out: Path
    """The report, in markdown; beside it lies a ledger, from which a killed audit continues."""
    source: str = "problems"
    """How the problems' file is read (a problem source)."""
    judge: Literal["reference", "llm", "llm-published"] = "reference"
    """Who judges."""
    traces: Literal["own", "prints", "none"] = "own"
    """What a language model that judges is shown."""
    endpoints: Path | None = None
    """YAML list of endpoints, as of data_prep.search."""
    temperature: float | None = Field(default=None, ge=0)
    """Of a language model that judges; the server's own default if not given."""
    reply_tokens: int = Field(default=4096, gt=0)
    """Most tokens of a reply; prompt and reply together must fit the model's context."""
    repeats: int = Field(default=1, gt=0)
    """Times that the judge is asked about each program."""
    per_problem: int | None = Field(default=None, gt=0)
    """Most programs of a problem, drawn from the distinct ones; all if not given."""
    seed: int = 0
    """Seed of that draw."""
    sandbox: str | None = None
    """Address of a sandbox server; without it, programs run in this machine's own sandbox."""


def main(settings: AuditJudge) -> None:
    """Measure, write the report and print it."""
    from code_reward.files import write_text
    from code_reward.reward_data import LabelledProgram
    from code_reward.rows import at_least_one, read_all
    from data_prep.sources import load

    problems = load(settings.source, settings.problems)
    labelled = draw(read_all([settings.labelled], LabelledProgram), settings.per_problem, settings.seed)
    at_least_one(labelled, f"{settings.labelled} has no program, only answers without one; label other answers.")
    result = asyncio.run(_run(settings, problems, labelled))
    if not result.items:
        causes = ", ".join(f"{kind} {count}" for kind, count in result.failures.most_common())
        raise DataError(f"The judge judged none of {len(labelled)} programs ({causes}); mend that and give the same command again.")
    parts = [f"# The judge {settings.judge} against hidden tests", to_markdown("Whole programs", result.items), confusion(result.items)]
    disagreement = self_disagreement(result.items)
    if disagreement is not None:
        parts.append(f"Disagreement with itself: {disagreement:.1%} of pairs of answers about one program.")
    parts.append(to_markdown("Prefixes", prefix_items(result.items)))
    parts += [f"Not judged, {kind}: {count}" for kind, count in sorted(result.failures.items())]
    write_text(settings.out, "\n\n".join(parts) + "\n")
    print(settings.out.read_text(encoding="utf-8"))


async def _run(settings: AuditJudge, problems: Sequence[Problem], labelled: Sequence[LabelledProgram]) -> Audit:
    from data_prep.llm import LLM, Ledger
    from data_prep.llm.request import Sampling
    from data_prep.search.players import make_judge, read_endpoints
    from reward_servers.sandbox import connect

    sandbox = connect(settings.sandbox)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.close)
        ledger = stack.enter_context(Ledger(f"{settings.out}.ledger"))
        endpoints = read_endpoints(settings.endpoints) if settings.judge != "reference" else []
        llm = await stack.enter_async_context(LLM(endpoints)) if endpoints else None
        # Evidence is for language models; results alone decide here.
        traces = "none" if settings.judge == "reference" else settings.traces
        sampling = Sampling(temperature=settings.temperature, max_tokens=settings.reply_tokens)
        judge = make_judge(settings.judge, llm, sandbox, traces=traces, sampling=sampling)
        return await audit(problems, labelled, judge, ledger, repeats=settings.repeats)


if __name__ == "__main__":
    run(AuditJudge, main)

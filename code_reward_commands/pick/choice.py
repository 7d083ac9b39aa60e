"""The best of N answers: read, scored, run against tests, and chosen.

The rules are those of `code_reward.selection`, which also measures them; there is no second way to choose. An answer that holds no program
cannot be picked. A problem of which a verdict is missing is left out and counted: a choice among those that happened to be scored would
be another one.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from code_reward.errors import ConfigurationError, DataError
from code_reward.extraction import extract_code
from code_reward.journal import Journal
from code_reward.problem import Problem, runnable
from code_reward.reward_data import LabelledProgram
from code_reward.rows import raw_rows, read_rows
from code_reward.selection import METHODS, ResultsMatrix, Rule
from code_reward.verdict import Missing, Rejected, Scored, Verdict, from_record
from code_reward_commands.answers import Answer, read_answers
from code_reward_commands.judging import judging
from code_reward_commands.pick.settings import Pick
from code_reward_commands.progress import progress
from code_reward_commands.score import digest_of, score_all, writing
from data_prep.unit_tests.matrix import matrices, tasks
from data_prep.unit_tests.sample import TestSample
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits

RULES = {name: method for name, method in METHODS.items() if method.rule is not None}


@dataclass
class Group:
    """The answers to one problem."""

    answers: list[Answer]
    programs: list[str]
    """Empty where an answer holds none."""
    verdicts: list[Verdict | None] = field(default_factory=list)
    """None where no reward model is asked."""
    matrix: ResultsMatrix | None = None


class PickedAnswer(BaseModel):
    """A row of the output: the answer as it was given, and how it was picked."""

    model_config = ConfigDict(extra="allow")

    picked_by: str
    picked_of: int
    """Answers to the problem, those without a program included."""
    tied: int
    """Answers that the rule could not tell apart, this one included."""


def read_groups(settings: Pick, known: dict[str, Problem]) -> dict[str, Group]:
    """The answers by problem, their programs extracted."""
    groups: dict[str, Group] = {}
    for answer in read_answers(settings.answers, settings.problems):
        code = extract_code(answer.response, entry_point=answer.entry_point).code or ""
        problem = known.get(answer.problem_id)
        group = groups.setdefault(answer.problem_id, Group([], []))
        group.answers.append(answer)
        group.programs.append(runnable(problem, code) if code and problem else code)
    return groups


def read_tests(path: Path | None) -> tuple[list[TestSample], dict[str, Problem]]:
    """The test samples of a file, and its problems if that is what it holds; each test of a problem is a sample of its own."""
    if path is None:
        return [], {}
    _, first = next(iter(raw_rows(path)), (0, {}))
    if "problem_id" in first:
        return read_rows(path, TestSample), {}
    problems = read_rows(path, Problem)
    samples = [TestSample(problem_id=problem.id, tests=[test]) for problem in problems for test in problem.tests]
    return samples, {problem.id: problem for problem in problems}


async def ask_model(groups: dict[str, Group], settings: Pick) -> None:
    """Fill in the verdicts: the model's, or those of the file."""
    answers = [answer for group in groups.values() for answer in group.answers]
    if settings.model is None:
        verdicts = [from_record(answer.row) if "verdict" in answer.row else None for answer in answers]
    else:
        with Journal(f"{settings.out}.journal") if settings.out != "-" else nullcontext() as journal, progress("scoring") as told:
            async with judging(settings.model, settings.url, settings.dtype, settings.device) as judge:
                found = score_all(answers, judge, digest_of(settings.model), journal, told)
                verdicts = [verdict async for _, verdict in found]
    waiting = iter(verdicts)
    for group in groups.values():
        group.verdicts = [next(waiting) for _ in group.answers]


async def run_tests(groups: dict[str, Group], samples: list[TestSample], settings: Pick) -> None:
    """Fill in the matrices of the problems that have tests."""
    # Nobody knows what is right here, and no rule looks.
    rows = [
        LabelledProgram(
            problem_id=name, statement=answer.statement, entry_point=answer.entry_point, program=program, passed=False, outcome="unknown"
        )
        for name, group in groups.items()
        for answer, program in zip(group.answers, group.programs, strict=True)
    ]
    limits = Limits(cpu_seconds=settings.cpu_seconds, wall_seconds=max(15.0, 5 * settings.cpu_seconds))
    sandbox = connect(settings.sandbox)
    try:
        with (
            Journal(f"{settings.out}.tests.journal") if settings.out != "-" else nullcontext() as journal,
            progress("running tests") as told,
        ):
            for matrix in await matrices(tasks(rows, samples), sandbox, limits, journal, lambda *_: told.add("programs")):
                if matrix.passed and matrix.passed[0]:
                    groups[matrix.problem_id].matrix = matrix
    finally:
        await sandbox.close()


def choose(group: Group, rule: Rule, seed: list[int]) -> tuple[int, int] | None:
    """The place of the picked answer and how many tie with it; None if no answer holds a program that is not rejected."""
    usable = [
        place
        for place, (program, verdict) in enumerate(zip(group.programs, group.verdicts, strict=True))
        if program and not isinstance(verdict, Rejected)
    ]
    if not usable:
        return None
    base = group.matrix or ResultsMatrix(problem_id="-", correct=[False] * len(group.answers))
    scores = [verdict.value if isinstance(verdict, Scored) else None for verdict in group.verdicts]
    candidates = base.model_copy(update={"scores": scores}).candidates().take(np.array(usable))
    kept = np.flatnonzero(rule(candidates))
    return usable[int(np.random.default_rng(seed).choice(kept))], len(kept)


def pick(settings: Pick) -> int:
    """Pick, write, and say for how many problems; 1 if some have no pick."""
    if settings.url and settings.model is None:
        raise ConfigurationError("--url needs --model, the reward model's folder; its weights are not needed there.")
    _check_rule(settings)
    samples, known = read_tests(settings.tests)
    groups = read_groups(settings, known)
    asyncio.run(_gather(groups, samples, settings))
    name, rule = _rule(settings, groups)
    left: Counter[str] = Counter()
    with writing(settings.out) as write:
        for place, group in enumerate(groups.values()):
            why = _why_not(group, name)
            choice = None if why else choose(group, rule, [settings.seed, place])
            if choice is None:
                left[why or "no answer with a program"] += 1
            else:
                row = group.answers[choice[0]].row
                write(PickedAnswer.model_validate({**row, "picked_by": name, "picked_of": len(group.answers), "tied": choice[1]}))
    picked = len(groups) - left.total()
    print(f"{picked:,} of {len(groups):,} problems have a pick, by {name}", file=sys.stderr)
    for reason, count in left.most_common():
        print(f"  none for {count:,}: {reason}", file=sys.stderr)
    return int(left.total() > 0)


async def _gather(groups: dict[str, Group], samples: list[TestSample], settings: Pick) -> None:
    await ask_model(groups, settings)
    if settings.tests is not None:
        if not any(sample.tests for sample in samples):
            raise DataError(f"{settings.tests} holds no tests; give problems with tests, or generated tests.")
        await run_tests(groups, samples, settings)


def _check_rule(settings: Pick) -> None:
    """Refuse a rule that cannot work before anything is asked or run."""
    if settings.rule is None:
        return
    if settings.rule not in RULES:
        raise ConfigurationError(f"--rule {settings.rule}: unknown; use one of {', '.join(RULES)}.")
    if set(RULES[settings.rule].needs) - {"scores"} and settings.tests is None:
        raise ConfigurationError(f"--rule {settings.rule} needs tests; give --tests.")


def _rule(settings: Pick, groups: dict[str, Group]) -> tuple[str, Any]:
    """The rule, by its name or by what is known of the answers."""
    scored = any(verdict is not None for group in groups.values() for verdict in group.verdicts)
    if not scored and settings.tests is None:
        raise ConfigurationError("Nothing to pick by: give --model, --tests, or answers with the columns that code-reward score adds.")
    name = settings.rule or ("best_by_score" if settings.tests is None else "hybrid" if scored else "majority_vote")
    if "scores" in RULES[name].needs and not scored:
        raise ConfigurationError(f"--rule {name} needs scores; give --model, or answers with the columns of code-reward score.")
    return name, RULES[name].rule


def _why_not(group: Group, rule: str) -> str:
    """Why a problem can have no pick; empty if it can."""
    needs = RULES[rule].needs
    if "scores" in needs and any(verdict is None or isinstance(verdict, Missing) for verdict in group.verdicts):
        return "a verdict is missing; score its answers again"
    if set(needs) - {"scores"} and group.matrix is None:
        return "no test for it in --tests"
    return ""

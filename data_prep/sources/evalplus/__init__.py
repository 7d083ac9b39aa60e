"""HumanEval+ and MBPP+ (evalplus): the same tasks with many more inputs, judged by what the reference solution returns.

The files hold inputs only. The expected results are computed here, in the sandbox, and every input becomes one call test (except where
`checks` says otherwise). The first `base_tests` tests are the original benchmark's, the others are evalplus's own. Kept as extra columns:
`base_tests`, `contract` (assertions on the arguments, which published inputs satisfy) and `inputs_left_out`, the number of inputs whose
arguments or result no literal denotes, or a very long one only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_reward.problem import CallTest, Problem, Test
from data_prep.sources import humaneval, mbpp_google
from data_prep.sources.evalplus.checks import TRUTH, Case, lenient_tests
from data_prep.sources.evalplus.expected import Reference, expected_results
from data_prep.sources.evalplus.inputs import learn_forms, restore
from data_prep.sources.evalplus.literals import NotLiteral, to_source
from data_prep.sources.hub import Part
from data_prep.sources.humaneval import HumanEvalRecord
from data_prep.sources.records import Record, checked, has_column, read_problems
from data_prep.sources.source import Source

# What evalplus allows between floats where a task has no tolerance of its own.
FLOAT_ATOL = 1e-6


class EvalPlusRecord(Record):
    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    contract: str
    base_input: list[list[Any]]
    plus_input: list[list[Any]] | dict[str, Any]
    """One published row has `{}` for no inputs."""
    atol: float


class MbppPlusRecord(EvalPlusRecord):
    assertion: str


@dataclass(frozen=True)
class Task:
    """A record with what both data sets give in different ways; inputs are argument tuples as source text."""

    record: EvalPlusRecord
    statement: str
    starter_code: str
    solution: str
    base: list[str]
    plus: list[str]

    @property
    def id(self) -> str:
        return self.record.task_id


def read_humaneval_plus(path: Path) -> list[Problem]:
    """HumanEval+; the starter code is the prompt, as in HumanEval. On the hub the inputs have their results, in a `check(candidate)`."""
    if not has_column(path, "base_input"):
        return read_problems(path, HumanEvalRecord, lambda record: humaneval.to_problem(record, "humaneval_plus"))
    return _problems(read_problems(path, EvalPlusRecord, _humaneval_task), "humaneval_plus")


def read_mbpp_plus(path: Path) -> list[Problem]:
    """MBPP+; the statement is the text inside the prompt's docstring, with its one assertion. On the hub the inputs have their results."""
    if not has_column(path, "base_input"):
        return read_problems(path, mbpp_google.MbppPlusRecord, mbpp_google.to_plus_problem)
    return _problems(read_problems(path, MbppPlusRecord, _mbpp_task), "mbpp_plus")


def _humaneval_task(record: EvalPlusRecord) -> Task:
    solution = checked(record.prompt + record.canonical_solution, "canonical_solution", record.entry_point)
    return Task(record, record.prompt, record.prompt, solution, _sources(record.base_input), _sources(record.plus_input or []))


def _mbpp_task(record: MbppPlusRecord) -> Task:
    solution = checked(record.canonical_solution.lstrip("\n"), "canonical_solution", record.entry_point)
    forms = learn_forms(checked(record.assertion, "assertion"), record.entry_point)
    statement = record.prompt.strip().strip('"').strip()
    base, plus = (_sources(restore(inputs, forms)) for inputs in (record.base_input, record.plus_input or []))
    return Task(record, statement, "", solution, base, plus)


def _sources(inputs: Iterable[Sequence[Any]]) -> list[str]:
    """The inputs that literals can denote, which are all but a few with NaN."""
    sources = []
    for call in inputs:
        with suppress(NotLiteral):
            sources.append(to_source(tuple(call)))
    return sources


def _problems(tasks: Sequence[Task], source: str) -> list[Problem]:
    results = expected_results([_reference(task) for task in tasks])
    return [_problem(task, expected, source) for task, expected in zip(tasks, results, strict=True)]


def _reference(task: Task) -> Reference:
    name = task.record.entry_point
    shown = "result is not None" if name in TRUTH else "result"
    return Reference(task.id, task.solution, name, [*task.base, *task.plus], shown)


def _problem(task: Task, expected: Sequence[str | None], source: str) -> Problem:
    record, middle = task.record, len(task.base)
    cases = [
        [(args, result) for args, result in zip(*side, strict=True) if result is not None]
        for side in ((task.base, expected[:middle]), (task.plus, expected[middle:]))
    ]
    base, plus = (_tests(record, some) for some in cases)
    return Problem(
        id=task.id,
        statement=task.statement,
        entry_point=record.entry_point,
        starter_code=task.starter_code,
        reference_solution=task.solution,
        tests=[*base, *plus],
        source=source,
        base_tests=len(base),
        inputs_left_out=len(record.base_input) + len(record.plus_input) - sum(map(len, cases)),
        contract=record.contract,
    )


def _tests(record: EvalPlusRecord, cases: Sequence[Case]) -> list[Test]:
    lenient = lenient_tests(record.entry_point, cases)
    if lenient is not None:
        return lenient
    return [
        CallTest(args=args, expected=expected, atol=record.atol or (FLOAT_ATOL if _is_floats(expected) else 0.0))
        for args, expected in cases
    ]


def _is_floats(source: str) -> bool:
    """Whether a result is a float, or a list or tuple of nothing but floats."""
    if "." not in source and "e" not in source:
        return False
    value = ast.literal_eval(source)
    return isinstance(value, float) or (isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, float) for item in value))


HUMANEVAL_PLUS = Source(
    read_humaneval_plus, "evalplus, HumanEval+ releases (Apache-2.0)", hub="evalplus/humanevalplus", part=Part(split="test")
)
MBPP_PLUS = Source(read_mbpp_plus, "evalplus, MBPP+ releases (Apache-2.0)", hub="evalplus/mbppplus", part=Part(split="test"))

"""KodCode (KodCode-AI): a question, a solution and a pytest file.

Two gaps of the published rows are closed. Many questions do not say what the function is called, although the tests call it by name: the
statement then ends in the declarations that the tests need, as the data set's authors advise for reinforcement learning. And a test file
may use the solution's names without importing them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pydantic import AliasChoices, Field

from code_reward.errors import DataError
from code_reward.problem import Problem, PytestTest
from code_reward.starter import join
from data_prep.sources.declarations import needed, only_function, with_declarations
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, checked, read_problems, survey_problems
from data_prep.sources.source import Source


class KodCodeRecord(Record):
    question_id: str
    question: str
    solution: str
    test_code: str = Field(validation_alias=AliasChoices("test_code", "test"))
    """The samples in the authors' repository and KodCode-V1 on the hub name this column differently."""
    style: str
    subset: str
    gpt_difficulty: str
    gpt_pass_percentage: float


def read(path: Path) -> list[Problem]:
    """`style`, `subset`, `difficulty` and `pass_rate` (of the model that wrote the solutions) are kept as extra columns."""
    return read_problems(path, KodCodeRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, KodCodeRecord, _problem)


def _problem(record: KodCodeRecord) -> Problem:
    checked(record.solution, "solution")
    checked(record.test_code, "test_code")
    definitions = needed(record.solution, record.test_code).values()
    return Problem(
        id=record.question_id,
        statement=with_declarations(record.question, definitions),
        entry_point=only_function(definitions),
        reference_solution=record.solution,
        tests=[PytestTest(code=_importing(record.test_code, record.solution))],
        source="kodcode",
        style=record.style,
        subset=record.subset,
        difficulty=record.gpt_difficulty,
        pass_rate=record.gpt_pass_percentage,
    )


def _importing(test_code: str, solution: str) -> str:
    """The tests with the imports that they lack: of the solution's names, and of modules that the solution imports for itself."""
    tree = ast.parse(test_code)
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - {name for node in imports for name in _bound(node)}
    modules = [node for node in ast.parse(solution).body if isinstance(node, (ast.Import, ast.ImportFrom)) and used & _bound(node)]
    lines = [ast.unparse(node) for node in modules]
    if not any(isinstance(node, ast.ImportFrom) and node.module == "solution" for node in imports):
        lines.append("from solution import *")
    return join("\n".join(lines), test_code)


def _bound(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name.partition(".")[0] for alias in node.names}


KODCODE = Source(
    read,
    "KodCode-AI/kodcode, KodCode-V1 on the Hugging Face hub (Apache-2.0, CC BY-NC 4.0)",
    survey,
    hub="KodCode/KodCode-V1",
    part=Part(split="train"),
)

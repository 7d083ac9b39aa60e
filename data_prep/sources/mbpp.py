"""MBPP, as Google publishes it and, sanitized, in the form that CodeT published: a signature with a docstring to complete.

CodeT's rows need three repairs. Half of the bodies are indented otherwise than the docstring above them, so that prompt plus body
is no Python program: the reference solution has the docstring moved to the body's indentation. The tests stand in a `check(candidate)`
that ignores its argument and calls functions by name (once one that is itself named `check`): they become a script of asserts. And where
a solution has helpers, the prompt and the entry point are sometimes a helper's: the entry point is what the tests call, and a statement
that does not name it ends in its declaration.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from code_reward.errors import DataError
from code_reward.problem import AssertTest, Problem
from data_prep.sources.declarations import needed, only_function, with_declarations
from data_prep.sources.hub import Part
from data_prep.sources.humaneval import HumanEvalRecord
from data_prep.sources.mbpp_google import MbppRecord, to_problem
from data_prep.sources.records import checked, has_column, read_problems
from data_prep.sources.source import Source

# Up to the last `def` line, on which the docstring follows.
_PROMPT = re.compile(r"(?s)(.*^def [^\n]*\n)(.*)", re.MULTILINE)


def read(path: Path) -> list[Problem]:
    """The problems of CodeT's `mbpp_sanitized` file, or of Google's own set (`data_prep.sources.mbpp_google`)."""
    if has_column(path, "test_list"):
        return read_problems(path, MbppRecord, to_problem)
    return read_problems(path, HumanEvalRecord, _problem)


def _problem(record: HumanEvalRecord) -> Problem:
    solution = checked(_join(record.prompt, record.canonical_solution), "canonical_solution")
    tests = _asserts(checked(record.test, "test"))
    definitions = needed(solution, tests).values()
    return Problem(
        id=record.task_id,
        statement=with_declarations(record.prompt, definitions),
        entry_point=only_function(definitions),
        starter_code=record.prompt,
        reference_solution=solution,
        tests=[AssertTest(code=tests)],
        source="mbpp",
    )


def _join(prompt: str, body: str) -> str:
    parts = _PROMPT.fullmatch(prompt)
    if parts is None:
        raise DataError("prompt: no function definition; correct the row or remove it.")
    signature, docstring = parts.groups()
    return signature + textwrap.indent(textwrap.dedent(docstring), _indentation(body)) + body


def _indentation(body: str) -> str:
    """The white space before the first statement; comments and empty lines may stand anywhere."""
    match = re.search(r"^([ \t]+)(?=[^\s#])", body, re.MULTILINE)
    return match.group(1) if match else "    "


def _asserts(test: str) -> str:
    """The body of `check` as a script, with the import of `math` that ten published tests leave to whoever runs them."""
    functions = [node for node in ast.parse(test).body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    if len(functions) != 1:
        raise DataError("test: not one function `check`; correct the row or remove it.")
    script = "\n".join(ast.unparse(statement) for statement in functions[0].body)
    return f"import math\n{script}" if "math." in script and "import math" not in script else script


MBPP = Source(
    read,
    "google-research-datasets/mbpp on the Hugging Face hub (CC BY 4.0); microsoft/CodeT (MIT)",
    hub="google-research-datasets/mbpp",
    part=Part("full", "test"),
)

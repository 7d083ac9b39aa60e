"""The short ways to write a problem's tests down: a text, or a list of texts, where the long way is a list of objects with their kind.

A text is JSON (a list in either way, as a CSV or a parquet column holds it) or a script. What kind of test a script is, it says itself:
one that defines `check` is called with the entry point, one with a `TestCase` is run by unittest, one with functions `test_…` by pytest;
any other is a script of assertions.
"""

from __future__ import annotations

import ast
import json
from typing import Any

from code_reward.parsing import PARSE_ERRORS, parse_python


def expand(tests: Any) -> Any:
    """The long way for either short one; anything else as it is, for the model to judge. Raises `ValueError` for an unreadable script."""
    if isinstance(tests, str):
        listed = _as_list(tests)
        return expand(listed) if listed is not None else [_test(tests)] if tests.strip() else []
    if isinstance(tests, list):
        return [_test(one) if isinstance(one, str) else one for one in tests]
    return tests


def _as_list(text: str) -> list[Any] | None:
    """The list that a text holds as JSON, if it does."""
    if not text.lstrip().startswith("["):
        return None
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return listed if isinstance(listed, list) else None


def _test(script: str) -> dict[str, str]:
    try:
        tree = parse_python(script)
    except PARSE_ERRORS as error:
        raise ValueError(f"a test is not Python that can be read ({error}): {script[:60]!r}") from error
    return {"kind": _kind(tree), "code": script}


def _kind(tree: ast.Module) -> str:
    functions = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    bases = [ast.unparse(base) for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases]
    if "check" in functions:
        return "check"
    if any(base.rpartition(".")[2] == "TestCase" for base in bases):
        return "unittest"
    if any(name.startswith("test_") for name in functions):
        return "pytest"
    return "asserts"

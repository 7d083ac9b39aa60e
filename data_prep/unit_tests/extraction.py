"""From what a generator wrote to one `unittest` class, or to the reason why there is none.

CodeRM-8B's rule: exactly one code block with exactly one class. What would make the test pass whatever the candidate does is taken out: a
copy of the solution beside the class, and imports of it from a module that does not exist.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass

from code_reward.extraction import extract_code
from code_reward.parsing import parse_python
from code_reward.problem import UnittestTest


@dataclass(frozen=True)
class ExtractedTest:
    """Either `test` or the `reason` why there is none: one of `code_reward.extraction`, whose policy `strict` decides about the block;
    `no_test_class` where no class derives from `unittest.TestCase`, `several_test_classes` where more than one does; `no_test_method`
    where none of its methods' names begins with test; `solution_not_called` where nothing in it names the entry point."""

    test: UnittestTest | None
    reason: str = ""


def extract_test(response: str, entry_point: str | None = None) -> ExtractedTest:
    """The one test class of `response`. Never raises, whatever the text."""
    extraction = extract_code(response, policy="strict")
    if extraction.code is None:
        return ExtractedTest(None, str(extraction.reason))
    tree = parse_python(extraction.code)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and _is_test_case(node)]
    if len(classes) != 1:
        return ExtractedTest(None, "several_test_classes" if classes else "no_test_class")
    if not any(isinstance(node, ast.FunctionDef) and node.name.startswith("test") for node in classes[0].body):
        return ExtractedTest(None, "no_test_method")
    name = (entry_point or "").partition("(")[0].partition(".")[0]
    if name and not any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(classes[0])):
        return ExtractedTest(None, "solution_not_called")
    tree.body = [node for node in tree.body if not _stands_in(node, name) and not _is_main(node)]
    return ExtractedTest(UnittestTest(code=_with_comments(extraction.code, tree)))


def _is_test_case(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base) in ("unittest.TestCase", "TestCase") for base in node.bases)


def _stands_in(node: ast.stmt, name: str) -> bool:
    """A definition of the solution, which would be tested in place of the candidate, or an import from a module that does not exist."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name == name
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in getattr(node, "names", [])]
    return isinstance(node, (ast.Import, ast.ImportFrom)) and not all(module.partition(".")[0] in _EXISTING for module in modules)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


_EXISTING = sys.stdlib_module_names | {"numpy"}


def _with_comments(source: str, tree: ast.Module) -> str:
    """The lines of the statements that are left, so that comments survive, which a generator is trained to write."""
    lines = source.split("\n")
    starts = [min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) for node in tree.body]
    return "\n\n".join("\n".join(lines[start - 1 : node.end_lineno]) for start, node in zip(starts, tree.body, strict=True)) + "\n"

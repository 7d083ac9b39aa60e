"""From tests to calls: which tests can be decided by comparing values outside the candidate's process. It depends on the test alone.

A test that consists of assertions that are calls (`assertions`) is those calls, made beside the candidate; what they should give stays with
the referee. A test with any other statement is not sealed as calls: it runs inline.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from reward_servers.sandbox.worker.referee.assertions import Call, Relation, Script, is_inert, pack, script_calls
from reward_servers.sandbox.worker.referee.constants import NotConstant, constant


@dataclass(frozen=True)
class Calls:
    """A test as the calls that decide it, after imports and assignments of its own.

    `candidate` is a name in the calls and the expression that it stands for, which is evaluated once for the test. `imported` are the
    program's names that the calls know, where they do not know them all.
    """

    calls: list[Call]
    imports: list[str]
    candidate: tuple[str, str] | None = None
    imported: tuple[str, ...] | None = None

    def scope(self) -> tuple[tuple[str, str] | None, tuple[str, ...] | None]:
        """What the candidate's process needs to know of names."""
        return self.candidate, self.imported


def calls_of_test(test: dict[str, Any], entry_point: str | None) -> Calls | None:
    """The calls that decide this test, in order; None where no such calls are found."""
    if test["kind"] == "call":
        return _call_test(test, entry_point)
    try:
        tree = ast.parse(test["code"])
        entry_point = (entry_point or "").strip() or None
        found = _READERS[test["kind"]](tree, test, entry_point)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, ArithmeticError):
        return None
    if found is None:
        return None
    if test["kind"] == "pytest":
        return Calls(
            found, [], imported=tuple(alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names)
        )
    before = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.Assign))]
    candidate = (_parameter(tree), str(entry_point)) if test["kind"] == "check" else None
    return Calls(found, before if test["kind"] in ("asserts", "check") else [], candidate)


def _call_test(test: dict[str, Any], entry_point: str | None) -> Calls:
    if entry_point is None:
        raise NotConstant("a call test needs an entry point")
    source = test["args"].strip()
    arguments = constant(source)
    if not isinstance(arguments, (dict, list, tuple)):
        raise NotConstant("the args of a call test are a list, a tuple or a dict")
    stars = "**" if isinstance(arguments, dict) else "*"
    call = ast.parse(f"candidate({stars}({source}\n))", mode="eval").body
    compare = test.get("compare", "python")
    relation: Relation = "equal" if compare == "python" else compare
    expected = constant(test["expected"])
    shown = f"{entry_point}({stars}{source})"
    found = Call(pack(call), expected, relation=relation, atol=test["atol"], shown=shown, length=len(repr(expected)))
    return Calls([found], [], ("candidate", entry_point))


def _asserts(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    assigned = [place for place, node in enumerate(module.body) if isinstance(node, (ast.Import, ast.Assign))]
    if any(isinstance(node, ast.Assert) for node in module.body[: max(assigned, default=0)]):
        return None  # What is imported or assigned comes before all calls, or is another's name meanwhile.
    return script_calls(module.body, Script(entry_point))


def _check(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in module.body if not isinstance(node, ast.FunctionDef) and not is_inert(node)]
    if entry_point is None or len(functions) != 1 or functions[0].name != "check" or len(functions[0].args.args) != 1 or others:
        return None
    return script_calls(functions[0].body, Script(entry_point, functions[0].args.args[0].arg))


def _parameter(module: ast.Module) -> str:
    """Of the test's only function."""
    return next(node.args.args[0].arg for node in module.body if isinstance(node, ast.FunctionDef))


def _pytest(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    """A file of functions without arguments that import the program's functions by their names."""
    calls: list[Call] = []
    if _defines_twice(module):
        return None
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test") and not (ast.unparse(node.args) or node.decorator_list):
            found = script_calls(node.body, Script(None))
            if found is None:
                return None
            calls += found
        elif not (_is_import_of(node, test["module"]) or ast.unparse(node) == "import pytest" or _is_docstring(node)):
            return None
    return calls or None


def _unittest(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    """Classes of methods that call assert methods, in the order in which unittest runs them."""
    methods: list[ast.FunctionDef] = []
    if _defines_twice(module):
        return None
    for node in sorted(module.body, key=lambda item: item.name if isinstance(item, ast.ClassDef) else ""):
        if (
            isinstance(node, ast.ClassDef)
            and [ast.unparse(base) for base in node.bases] == ["unittest.TestCase"]
            and not node.decorator_list
        ):
            found = [
                item for item in node.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test") and not item.decorator_list
            ]
            if len(found) + sum(map(_is_docstring, node.body)) != len(node.body) or _defines_twice(node):
                return None
            methods += sorted(found, key=lambda method: method.name)
        elif not (ast.unparse(node) == "import unittest" or _is_docstring(node) or _is_main(node)):
            return None
    statements = [_assertion_of(statement) for method in methods for statement in method.body]
    return script_calls(statements, Script(entry_point)) if methods else None


def _assertion_of(node: ast.stmt) -> ast.stmt:
    """`assert a == b` for `self.assertEqual(a, b)`, and the like."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not node.value.keywords):
        return node
    method, arguments = ast.unparse(node.value.func), node.value.args
    if method == "self.assertEqual" and len(arguments) == 2:
        return ast.Assert(ast.Compare(arguments[0], [ast.Eq()], [arguments[1]]))
    if method == "self.assertIsNone" and len(arguments) == 1:
        return ast.Assert(ast.Compare(arguments[0], [ast.Is()], [ast.Constant(None)]))
    if method in ("self.assertTrue", "self.assertFalse") and len(arguments) == 1:
        return ast.Assert(arguments[0] if method == "self.assertTrue" else ast.UnaryOp(ast.Not(), arguments[0]))
    return node


_READERS = {"asserts": _asserts, "check": _check, "pytest": _pytest, "unittest": _unittest}


def _is_import_of(node: ast.stmt, module: str) -> bool:
    names = node.names if isinstance(node, ast.ImportFrom) and node.module == module and not node.level else []
    return bool(names) and all(alias.asname is None and alias.name != "*" and alias.name[:4].lower() != "test" for alias in names)


def _defines_twice(node: ast.Module | ast.ClassDef) -> bool:
    """Whether a later definition takes the place of an earlier one."""
    names = [item.name for item in node.body if isinstance(item, (ast.FunctionDef, ast.ClassDef))]
    return len(names) != len(set(names))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"

"""Which tests can run apart: in a process of their own that only ever calls the program and gets plain values back.

Decided by the test alone, never by the program: a program must not be able to choose the weaker way of being tested.
"""

from __future__ import annotations

import ast
import builtins
from typing import Any

_MODULES = frozenset({"__future__", "bisect", "cmath", "collections", "copy", "datetime", "decimal", "enum", "fractions", "functools"})
_MODULES |= {"heapq", "itertools", "json", "math", "numpy", "operator", "pytest", "random", "re", "statistics", "string", "time"}
_MODULES |= {"typing", "unittest"}
# What reaches past the calls of a program: its output, its globals, its files, its modules.
_FORBIDDEN = frozenset({"globals", "locals", "vars", "eval", "exec", "compile", "open", "input", "__import__", "dir", "sys", "os", "io"})
_FORBIDDEN |= {"inspect", "capsys", "capfd", "capsysbinary", "monkeypatch", "mocker", "mock", "patch", "Mock", "MagicMock", "tmp_path"}
_FORBIDDEN |= {"tmpdir", "caplog", "recwarn", "redirect_stdout"}
_RAISING = frozenset({"raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns", "skipIf", "skipUnless", "parametrize"})
_BUILTINS = frozenset(vars(builtins))


def program_names(test: dict[str, Any], entry_point: str | None) -> list[str] | None:
    """The program's names that the test uses, for which stand-ins will do; None where they will not."""
    try:
        tree = ast.parse(test["code"])
        entry = ast.parse(entry_point or "", mode="exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    imported = _imported(tree, test.get("module"))
    if imported is None or _reaches_past(tree):
        return None
    names = imported | _free(tree)
    if test["kind"] != "pytest":
        names |= {node.id for node in ast.walk(entry) if isinstance(node, ast.Name)}
    return None if names & _as_types(tree) else sorted(names)


def _imported(tree: ast.AST, module: str | None) -> set[str] | None:
    """The names imported from the program's module; None when something is imported that may reach past calls."""
    names: set[str] = set()
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.ImportFrom) and module and node.module == module and not node.level:
            names |= {alias.name for alias in node.names if alias.name != "*"}
        elif isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + str(node.module)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        if not all(map(_is_harmless, modules)):
            return None
    return names


def _is_harmless(module: str) -> bool:
    return module.partition(".")[0] in _MODULES


def _reaches_past(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _FORBIDDEN:
            return True
        if isinstance(node, ast.arg) and node.arg in _FORBIDDEN:
            return True
        if isinstance(node, ast.Attribute) and (node.attr in _FORBIDDEN or node.attr.startswith("__")):
            return True
        if isinstance(node, (ast.ImportFrom, ast.Import)) and any(alias.name in _FORBIDDEN for alias in node.names):
            return True
    return False


def _free(tree: ast.AST) -> set[str]:
    """Names that are read and neither bound anywhere in the test nor built in."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return read - bound - _BUILTINS


def _as_types(tree: ast.AST) -> set[str]:
    """Names that must be real classes: bases, decorators, exceptions to catch."""
    places: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            places += [*node.bases, *node.decorator_list]
        elif isinstance(node, ast.FunctionDef):
            places += node.decorator_list
        elif isinstance(node, ast.ExceptHandler):
            places.append(node.type)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _RAISING:
            places += node.args[:1]
    return {name.id for place in places if place is not None for name in ast.walk(place) if isinstance(name, ast.Name)}

"""What the names in a block of code tell of it: whether it defines the entry point, uses another block, or could stand alone."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator

from code_reward.validity import parse

_DEFINITION = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_GIVEN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__builtins__"}
_WRITES = frozenset({"write", "writelines", "print"})


def mentions_entry_point(code: str, entry_point: str) -> bool:
    """Whether `code`, which need not parse, looks as if it meant to define the entry point."""
    name = re.escape(entry_point.rpartition(".")[2])
    return re.search(rf"\b(?:def|class)[ \t]+{name}\b|^[ \t]*{name}[ \t]*=(?!=)", code, re.MULTILINE) is not None


def defined_names(code: str) -> list[str]:
    """The functions and classes that `code`, which need not parse, defines at the beginning of a line."""
    return _DEFINITION.findall(code)


def borrowed_names(code: str) -> set[str]:
    """The names that a valid program uses and does not bind anywhere, or imports from a module that is not Python's own."""
    tree = parse(code)
    if tree is None:
        return set()
    nodes = list(ast.walk(tree))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) and not _is_own(node) for alias in node.names}
    return (_used(nodes) - _bound(nodes)) | imported


def does_something(code: str) -> bool:
    """Whether a valid program writes or defines something, as one that answers a problem must."""
    tree = parse(code)
    nodes = ast.walk(tree) if tree is not None else ()
    return any(isinstance(node, _SCOPES) or (isinstance(node, ast.Call) and _called(node) in _WRITES) for node in nodes)


def has_unknown_names(code: str) -> bool:
    """Whether a valid program uses names that neither it nor Python binds: it is a part of another, a recurrence, a trace."""
    tree = parse(code)
    nodes = list(ast.walk(tree)) if tree is not None else []
    aliases = [alias for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
    imported = {alias.asname or alias.name.partition(".")[0] for alias in aliases}
    return "*" not in imported and not _used(nodes) <= _bound(nodes) | imported | _GIVEN


def _is_own(node: ast.ImportFrom) -> bool:
    return (node.module or "").partition(".")[0] in sys.stdlib_module_names


def _used(nodes: list[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _bound(nodes: list[ast.AST]) -> set[str]:
    return {name for node in nodes for name in _binds(node) if name}


def _binds(node: ast.AST) -> Iterator[str | None]:
    """The names that a node binds, but for what it imports from a module that is not Python's own."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, (*_SCOPES, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.MatchMapping):
        yield node.rest
    elif isinstance(node, ast.ImportFrom) and _is_own(node):
        yield from (alias.name for alias in node.names)


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""

"""What of a test is run for certain: which definitions last, what a statement may leave out, what may skip a test altogether."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SKIPPING = frozenset({"skip", "skipTest", "SkipTest", "importorskip", "xfail", "exit"})
_LEAVING = (ast.Return, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom)


def lasting(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements but for functions and classes whose name is bound anew, or deleted, further below."""
    last = {name: place for place, node in enumerate(body) for name in _bound(node)}
    return [node for place, node in enumerate(body) if not isinstance(node, _DEFINITIONS) or last[node.name] == place]


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds or deletes."""
    if isinstance(node, _DEFINITIONS):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name for alias in node.names}
    return {part.id for part in _own(node) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}


def binds(node: ast.Module | ast.ClassDef, *names: str) -> bool:
    """Whether a statement of the body binds one of these names."""
    return any(_bound(item) & set(names) for item in node.body)


def leaves(node: ast.stmt) -> bool:
    """Whether a run may pass by what comes after this statement."""
    return any(isinstance(part, _LEAVING) or _skips(part) for part in _own(node))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is below it, functions and classes left out."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _own(child)


def may_skip(node: ast.AST) -> bool:
    """Whether this is a fixture, a `setUp` or the like in which something is skipped."""
    is_helper = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("test")
    return is_helper and any(map(_skips, ast.walk(node)))


def _skips(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _SKIPPING

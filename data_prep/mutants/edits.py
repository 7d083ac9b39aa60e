"""`Edit`: one change to one place of a syntax tree, and the walk that finds every place where an operator applies.

An edit sets one field of one node and can be undone, so that all mutants of a program come from one parse. Signatures, annotations,
decorators, docstrings, patterns, f-strings and the targets of assignments are left alone: a change there changes nothing, or makes no
program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_UNTOUCHED_FIELDS = {"annotation", "returns", "decorator_list", "targets", "target", "type_params", "bases", "optional_vars"}
_UNTOUCHED_NODES = (ast.arguments, ast.JoinedStr, ast.pattern)


@dataclass(frozen=True)
class Context:
    """What an operator may draw on: the variables and integers of the enclosing top-level statement, in order of name and size."""

    names: tuple[str, ...]
    integers: tuple[int, ...]

    @classmethod
    def of(cls, statement: ast.stmt) -> Context:
        nodes = list(ast.walk(statement))
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
        integers = {node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) is int}
        return cls(tuple(sorted(stored | arguments)), tuple(sorted(integers)))


ExpressionOperator = Callable[[ast.expr, Context], Iterator[ast.expr]]
"""Yields what may stand in the place of an expression."""
BlockOperator = Callable[[list[ast.stmt]], Iterator[list[ast.stmt]]]
"""Yields what may stand in the place of a block of statements; never changes a statement in place."""


@dataclass(frozen=True)
class Edit:
    """Set `field` of `owner` to `new`; `operator` is the name of the kind of mistake."""

    operator: str
    owner: ast.AST
    field: str
    new: Any

    @contextmanager
    def applied(self) -> Iterator[None]:
        old = getattr(self.owner, self.field)
        setattr(self.owner, self.field, self.new)
        try:
            yield
        finally:
            setattr(self.owner, self.field, old)


def find_edits(tree: ast.Module, expressions: dict[str, ExpressionOperator], blocks: dict[str, BlockOperator]) -> list[Edit]:
    """Every edit of the operators on `tree`, in a fixed order."""
    edits = []
    for statement in (statement for statement in tree.body if not is_docstring(statement)):
        context = Context.of(statement)
        for owner, field, value in _fields(statement):
            if isinstance(value, ast.expr):
                for name, operator in expressions.items():
                    edits += [Edit(name, owner, field, new) for new in operator(value, context)]
            elif isinstance(value[0], ast.expr):
                for name, operator in expressions.items():
                    edits += [
                        Edit(name, owner, field, [*value[:place], new, *value[place + 1 :]])
                        for place, old in enumerate(value)
                        for new in operator(old, context)
                    ]
            elif isinstance(value[0], ast.stmt):
                first = 1 if is_docstring(value[0]) else 0
                for name, change in blocks.items():
                    edits += [Edit(name, owner, field, value[:first] + new) for new in change(value[first:])]
    return edits


def is_docstring(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)


def _fields(root: ast.AST) -> Iterator[tuple[ast.AST, str, Any]]:
    """Every field below `root` that holds an expression, expressions or statements, with its owner; no recursion."""
    waiting = [root]
    while waiting:
        owner = waiting.pop()
        for field, value in ast.iter_fields(owner):
            children = [child for child in (value if isinstance(value, list) else [value]) if isinstance(child, ast.AST)]
            if field in _UNTOUCHED_FIELDS or not children:
                continue
            if isinstance(children[0], (ast.expr, ast.stmt)):
                yield owner, field, value
            waiting += [child for child in reversed(children) if not isinstance(child, _UNTOUCHED_NODES) and not is_docstring(child)]

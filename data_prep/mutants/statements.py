"""Mistakes in a block of statements: each operator yields what the block may have been. No operator drops a definition."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeVar

from data_prep.mutants.edits import BlockOperator

_KEPT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Pass)
_LOOPS = (ast.For, ast.While)
_INVERSE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_UPDATES: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Sub,
    ast.Div: ast.Mult,
}

Statement = TypeVar("Statement", bound=ast.stmt)


def negate(test: ast.expr) -> ast.expr:
    """`not test`, written as a person would."""
    match test:
        case ast.Compare(left=left, ops=[operator], comparators=comparators):
            return ast.Compare(left, [_INVERSE[type(operator)]()], comparators)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
    return ast.UnaryOp(ast.Not(), test)


def _with(statement: Statement, **fields: object) -> Statement:
    """A copy of the statement with some fields changed."""
    return ast.copy_location(type(statement)(**{**dict(ast.iter_fields(statement)), **fields}), statement)


def _replaced(block: list[ast.stmt], place: int, *new: ast.stmt, count: int = 1) -> list[ast.stmt]:
    changed = [*block[:place], *new, *block[place + count :]]
    return changed or [ast.Pass()]


def _negated_condition(block: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for place, statement in enumerate(block):
        if isinstance(statement, ast.If):
            yield _replaced(block, place, _with(statement, test=negate(statement.test)))


def _dropped_branch(block: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for place, statement in enumerate(block):
        if isinstance(statement, ast.If):
            yield _replaced(block, place, *statement.body)
            yield _replaced(block, place, *statement.orelse)
            if statement.orelse:
                yield _replaced(block, place, _with(statement, orelse=[]))
                yield _replaced(block, place, _with(statement, body=statement.orelse, orelse=statement.body))


def _dropped_statement(block: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for place, statement in enumerate(block):
        if not isinstance(statement, (*_KEPT, ast.If)):
            yield _replaced(block, place)


def _swapped_statements(block: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for place, (first, second) in enumerate(pairwise(block)):
        if not isinstance(first, _KEPT) and not isinstance(second, (*_KEPT, ast.Return)):
            yield _replaced(block, place, second, first, count=2)


def _wrong_update(block: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for place, statement in enumerate(block):
        if isinstance(statement, ast.AugAssign):
            if new := _UPDATES.get(type(statement.op)):
                yield _replaced(block, place, _with(statement, op=new()))
            yield _replaced(block, place, ast.Assign([statement.target], statement.value, lineno=0))


def _wrong_indentation(block: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """A statement one level too deep (the classic: `return` inside the loop) or one level too shallow."""
    for place, statement in enumerate(block):
        if not isinstance(statement, (*_LOOPS, ast.If)):
            continue
        following = block[place + 1 : place + 2]
        if following and not isinstance(following[0], _KEPT):
            yield _replaced(block, place, _with(statement, body=[*statement.body, *following]), count=2)
        if len(statement.body) > 1:
            yield _replaced(block, place, _with(statement, body=statement.body[:-1]), statement.body[-1])
        if isinstance(statement, _LOOPS) and isinstance(statement.body[-1], ast.If) and following and isinstance(following[0], ast.Return):
            inner = statement.body[-1]
            deeper = _with(inner, body=[*inner.body, *following])
            yield _replaced(block, place, _with(statement, body=[*statement.body[:-1], deeper]), *following, count=2)


def _wrong_jump(block: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    for place, statement in enumerate(block):
        if isinstance(statement, ast.Break):
            yield _replaced(block, place, ast.Continue())
        elif isinstance(statement, ast.Continue):
            yield _replaced(block, place, ast.Break())


BLOCK_OPERATORS: dict[str, BlockOperator] = {
    "negated_condition": _negated_condition,
    "dropped_branch": _dropped_branch,
    "dropped_statement": _dropped_statement,
    "swapped_statements": _swapped_statements,
    "wrong_update": _wrong_update,
    "wrong_indentation": _wrong_indentation,
    "wrong_jump": _wrong_jump,
}

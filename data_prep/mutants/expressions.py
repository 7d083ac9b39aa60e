"""Mistakes inside an expression: each operator yields what a mistaken programmer may have written in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from data_prep.mutants.edits import Context, ExpressionOperator

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq, ast.Gt),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.FloorDiv: (ast.Mod, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd, ast.BitXor),
    ast.BitXor: (ast.BitOr,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
_TWINS = (
    ("min", "max"),
    ("any", "all"),
    ("sum", "len"),
    ("upper", "lower"),
    ("isupper", "islower"),
    ("isdigit", "isalpha"),
    ("startswith", "endswith"),
    ("append", "extend"),
    ("find", "rfind"),
    ("keys", "values"),
    ("floor", "ceil"),
)
_TWIN = {name: other for pair in _TWINS for name, other in (pair, pair[::-1])}


def plus(node: ast.expr, k: int) -> ast.expr:
    """`node + k`, written as a person would: `n + 1` and -1 make `n`, 3 and 1 make 4."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return _integer(node.value + k)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        right = node.right
        if isinstance(right, ast.Constant) and type(right.value) is int:
            value = (right.value if isinstance(node.op, ast.Add) else -right.value) + k
            return node.left if value == 0 else _sum(node.left, value)
    return _sum(node, k)


def _sum(left: ast.expr, k: int) -> ast.expr:
    return ast.BinOp(left, ast.Add() if k > 0 else ast.Sub(), ast.Constant(abs(k)))


def _integer(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _wrong_constant(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield from (_integer(other) for other in sorted({value - 1, value + 1, value + 2, value * 2, *context.integers} - {value}))
        case ast.Constant(value=float(value)):
            yield from (ast.Constant(value + 1.0), ast.Constant(value / 2))
        case ast.Constant(value=None):
            yield _integer(-1)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            yield from (_integer(1 - value), ast.Constant(value), ast.Constant(None))
        case ast.Constant(value=str(value)) if value:
            yield from (ast.Constant(other) for other in sorted({value[1:], value[:-1], value.swapcase()} - {value}))


def _wrong_comparison(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare):
        for place, old in enumerate(node.ops):
            for new in _COMPARISONS[type(old)]:
                yield ast.Compare(node.left, [*node.ops[:place], new(), *node.ops[place + 1 :]], node.comparators)


def _wrong_arithmetic(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        yield from (ast.BinOp(node.left, new(), node.right) for new in _ARITHMETIC.get(type(node.op), ()))


def _swapped_operands(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)):
        yield ast.BinOp(node.right, node.op, node.left)


def _dropped_operand(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp(left=left, right=right):
            yield from (left, right)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
            yield operand
        case ast.BoolOp(op=op, values=values):
            for place in range(len(values)):
                rest = values[:place] + values[place + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)


def _wrong_boolean(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)


def _wrong_variable(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in context.names:
        yield from (ast.Name(name, ast.Load()) for name in context.names if name != node.id)


def _swapped_arguments(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=function, args=[*arguments], keywords=keywords):
            for i in range(len(arguments) - 1):
                swapped = [*arguments[:i], arguments[i + 1], arguments[i], *arguments[i + 2 :]]
                yield ast.Call(function, swapped, keywords)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)


def _wrong_call(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            if name in _TWIN:
                yield ast.Call(ast.Name(_TWIN[name], ast.Load()), arguments, keywords)
            if len(arguments) == 1 and not isinstance(arguments[0], ast.Starred):
                yield arguments[0]
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=arguments, keywords=keywords):
            if name in _TWIN:
                yield ast.Call(ast.Attribute(value, _TWIN[name], ast.Load()), arguments, keywords)
            if not arguments and not keywords:
                yield value


def _wrong_range(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="range") as function, args=[stop], keywords=[]) if not isinstance(stop, ast.Starred):
            yield ast.Call(function, [ast.Constant(1), stop], [])
            yield from (ast.Call(function, [plus(stop, k)], []) for k in (-1, 1))
        case ast.Call(func=ast.Name(id="range") as function, args=[start, stop, *step], keywords=[]):
            yield from (ast.Call(function, [plus(start, k), stop, *step], []) for k in (-1, 1))
            yield from (ast.Call(function, [start, plus(stop, k), *step], []) for k in (-1, 1))
            if step:
                yield ast.Call(function, [start, stop], [])


def _wrong_index(node: ast.expr, context: Context) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    match node.slice:
        case ast.Slice(lower=lower, upper=upper, step=step):
            if lower is not None:
                yield from (ast.Subscript(node.value, ast.Slice(plus(lower, k), upper, step), node.ctx) for k in (-1, 1))
            if upper is not None:
                yield from (ast.Subscript(node.value, ast.Slice(lower, plus(upper, k), step), node.ctx) for k in (-1, 1))
            yield node.value
        case ast.Constant(value=0):
            yield from (ast.Subscript(node.value, new, node.ctx) for new in (_integer(-1), ast.Constant(1)))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            yield from (ast.Subscript(node.value, new, node.ctx) for new in (ast.Constant(0), _integer(-value - 1)))
        case ast.Name() | ast.BinOp():
            yield from (ast.Subscript(node.value, plus(node.slice, k), node.ctx) for k in (-1, 1))


EXPRESSION_OPERATORS: dict[str, ExpressionOperator] = {
    "wrong_constant": _wrong_constant,
    "wrong_comparison": _wrong_comparison,
    "wrong_arithmetic": _wrong_arithmetic,
    "swapped_operands": _swapped_operands,
    "dropped_operand": _dropped_operand,
    "wrong_boolean": _wrong_boolean,
    "wrong_variable": _wrong_variable,
    "swapped_arguments": _swapped_arguments,
    "wrong_call": _wrong_call,
    "wrong_range": _wrong_range,
    "wrong_index": _wrong_index,
}

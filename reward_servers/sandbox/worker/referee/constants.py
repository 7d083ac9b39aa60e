"""Constant expressions: literals, and what tests commonly build from them, evaluated without running code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any


class NotConstant(ValueError):
    """An expression whose value cannot be known without running code."""


_CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "set": set,
    "frozenset": frozenset,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "sorted": sorted,
    "float": float,
}
NAMES = {"inf": math.inf, "nan": math.nan}
"""In values of their own; in a script they mean what it makes of them."""
_MAX_POWER = 1000


def constant(source: str) -> Any:
    """The value of a constant expression: literals, `inf`, `nan`, arithmetic, set(…), list(…), … of constants.

    Raises `NotConstant`, or `SyntaxError` for what is no expression at all.
    """
    return evaluate(ast.parse(source.strip(), mode="eval").body)


def is_constant(node: ast.expr) -> bool:
    """Whether `evaluate` has a value for the node."""
    try:
        evaluate(node)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return False
    return True


def has_nan(value: Any) -> bool:
    """Whether there is a NaN in the value of a constant expression."""
    if isinstance(value, dict):
        return any(has_nan(part) for item in value.items() for part in item)
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(has_nan, value))
    return bool(value != value)


def evaluate(node: ast.expr) -> Any:
    """The value of a constant expression; each call makes new containers. Raises `NotConstant`, or what the arithmetic raises."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [evaluate(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(evaluate(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {evaluate(item) for item in node.elts}
    if isinstance(node, ast.Dict):
        return {evaluate(_present(key)): evaluate(value) for key, value in zip(node.keys, node.values, strict=True)}
    return _compute(node)


def _present(key: ast.expr | None) -> ast.expr:
    if key is None:
        raise NotConstant("a dictionary unpacked into another")
    return key


def _compute(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in NAMES:
        return NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = evaluate(node.operand)
        return -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.BinOp):
        return _arithmetic(node.op, evaluate(node.left), evaluate(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CONSTRUCTORS and not node.keywords:
        return _CONSTRUCTORS[node.func.id](*map(evaluate, node.args))
    raise NotConstant(f"line {getattr(node, 'lineno', '?')}: not a constant")


def _arithmetic(operator: ast.operator, left: Any, right: Any) -> Any:
    """Numbers with + - * / **, and sequences joined with +; nothing that a short source could blow up."""
    if isinstance(operator, ast.Add) and type(left) is type(right) and isinstance(left, (str, list, tuple)):
        return left + right
    if not isinstance(left, (int, float, complex)) or not isinstance(right, (int, float, complex)):
        raise NotConstant("arithmetic on other than numbers")
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.Div):
        return left / right
    if isinstance(operator, ast.Pow) and abs(left) <= _MAX_POWER and abs(right) <= _MAX_POWER:
        return left**right
    raise NotConstant("an operator that is not folded")

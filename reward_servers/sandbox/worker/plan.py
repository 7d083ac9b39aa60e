"""From tests to a plan: which tests become calls whose results are compared in the referee, and which must share the candidate's process.

An assertion `assert f(1, 2) == 3` becomes the expression `f(1, 2)`, evaluated beside the candidate, and the value 3, which stays here. Only
assertions whose expected side is a constant can be treated so; a script with any other statement is left whole (`inline`).
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Relation = Literal["equal", "differs", "same"]


@dataclass(frozen=True)
class Call:
    """One expression for the candidate's process, and what its value must be."""

    source: str
    expected: Any
    relation: Relation = "equal"
    atol: float = 0.0


class NotConstant(ValueError):
    """An expression whose value cannot be known without running code."""


# Called around the candidate's result, in the candidate's process: what crosses is their value.
_WRAPPERS = frozenset({"set", "sorted", "list", "tuple", "len", "sum", "dict", "str", "round", "frozenset", "int", "float", "bool"})
_CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "set": set,
    "frozenset": frozenset,
    "list": list,
    "tuple": tuple,
    "sorted": sorted,
    "float": float,
    "dict": dict,
}
_CONSTANTS = {"inf": math.inf, "nan": math.nan}


def calls_of_test(test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    """The calls that decide this test, or None where it must run inline (or reads stdin)."""
    if test["kind"] == "call":
        return [_call_test(test, entry_point)]
    try:
        if test["kind"] == "asserts":
            return _script_calls(ast.parse(test["code"]).body, {})
        if test["kind"] == "check" and entry_point is not None:
            return _check_calls(ast.parse(test["code"]), entry_point)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None


def constant(source: str) -> Any:
    """The value of a literal; also `inf`, `nan`, arithmetic, and set(), list(), … of literals. Raises `NotConstant` or `SyntaxError`."""
    return _constant(ast.parse(source.strip(), mode="eval").body)


def _call_test(test: dict[str, Any], entry_point: str | None) -> Call:
    arguments = constant(test["args"])
    if not isinstance(arguments, (list, tuple, dict)) or entry_point is None:
        raise NotConstant("a call test needs an entry point and args that are a list, a tuple or a dict")
    star = "**" if isinstance(arguments, dict) else "*"
    return Call(f"{entry_point}({star}({test['args'].strip()}))", constant(test["expected"]), "equal", test["atol"])


def _check_calls(module: ast.Module, entry_point: str) -> list[Call] | None:
    checks = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in module.body if not isinstance(node, ast.FunctionDef) and not _is_inert(node)]
    if len(checks) != 1 or checks[0].name != "check" or len(checks[0].args.args) != 1 or others:
        return None
    return _script_calls(checks[0].body, {checks[0].args.args[0].arg: ast.parse(entry_point, mode="eval").body})


def _is_inert(node: ast.stmt) -> bool:
    """A docstring, `pass`, or an assignment of constants such as METADATA."""
    if isinstance(node, ast.Assign):
        return _is_constant(node.value)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _script_calls(body: list[ast.stmt], names: dict[str, ast.expr]) -> list[Call] | None:
    calls = []
    for node in body:
        if _is_inert(node):
            continue
        if not isinstance(node, ast.Assert):
            return None
        if _is_constant(node.test):
            if not _constant(node.test):
                return None
            continue
        call = _assertion(node.test, names)
        if call is None:
            return None
        calls.append(call)
    return calls


def _assertion(node: ast.expr, names: dict[str, ast.expr]) -> Call | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = node.left, node.comparators[0]
        if _is_constant(left):
            left, right = right, left
        relation = _relation(node.ops[0], right)
        if relation is None or not _is_constant(right) or not _is_candidate_call(left, names):
            return None
        return Call(_source(left, names), _constant(right), relation)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and _is_candidate_call(node.operand, names):
        return Call(f"not ({_source(node.operand, names)})", True)
    if _is_candidate_call(node, names):
        return Call(f"not not ({_source(node, names)})", True)
    return None


def _relation(operator: ast.cmpop, constant_side: ast.expr) -> Relation | None:
    if isinstance(operator, ast.Eq):
        return "equal"
    if isinstance(operator, ast.NotEq):
        return "differs"
    singleton = isinstance(constant_side, ast.Constant) and constant_side.value in (None, True, False)
    return "same" if isinstance(operator, ast.Is) and singleton else None


def _is_candidate_call(node: ast.expr, names: dict[str, ast.expr]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node.func, ast.Name) and node.func.id in _WRAPPERS and node.func.id not in names:
        rest = arguments[1:]
        return bool(arguments) and _is_candidate_call(arguments[0], names) and all(map(_is_constant, rest))
    return _is_callee(node.func) and all(map(_is_constant, arguments))


def _is_callee(node: ast.expr) -> bool:
    """A name of the program, or a method of an object made by calling one: `Solution().f`."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Call) and not node.value.args and not node.value.keywords and _is_callee(node.value.func)
    return isinstance(node, ast.Name) and not hasattr(__builtins__, node.id) and node.id not in _BUILTINS


_BUILTINS = frozenset(__builtins__ if isinstance(__builtins__, dict) else vars(__builtins__))


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


def _source(node: ast.expr, names: dict[str, ast.expr]) -> str:
    return ast.unparse(_Rename(names).visit(node) if names else node)


def _is_constant(node: ast.expr) -> bool:
    try:
        _constant(node)
    except (ValueError, TypeError, OverflowError, ArithmeticError, AttributeError):
        return False
    return True


def _constant(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [_constant(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_constant(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {_constant(item) for item in node.elts}
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_constant(key): _constant(value) for key, value in zip(node.keys, node.values, strict=True) if key is not None}
    return _computed(node)


def _computed(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        return _CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _constant(node.operand)
        return -value if isinstance(node.op, ast.USub) else +value
    if isinstance(node, ast.BinOp):
        return _arithmetic(node.op, _constant(node.left), _constant(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CONSTRUCTORS and not node.keywords:
        return _CONSTRUCTORS[node.func.id](*map(_constant, node.args))
    raise NotConstant(ast.dump(node)[:80])


def _arithmetic(operator: ast.operator, left: Any, right: Any) -> Any:
    if not isinstance(left, (int, float, complex)) or not isinstance(right, (int, float, complex)):
        raise NotConstant("arithmetic on other than numbers")
    if isinstance(operator, ast.Pow) and abs(left) <= 1e6 and abs(right) <= 1000:
        return left**right
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.Div):
        return left / right
    raise NotConstant("an operator that is not folded")

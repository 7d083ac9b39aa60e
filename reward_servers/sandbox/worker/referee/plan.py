"""From tests to calls: which tests can be decided by comparing values outside the candidate's process.

An assertion `assert f(1, 2) == 3` becomes a call, `f(1, 2)`, made beside the candidate, and a value, 3, which stays with the referee. Only
assertions whose expected side is a constant can be treated so. A script with any other statement is not sealed as calls.
"""

from __future__ import annotations

import ast
import builtins
import marshal
from dataclasses import dataclass
from typing import Any, Literal

from reward_servers.sandbox.worker.referee.constants import NotConstant, constant, evaluate, is_constant

Relation = Literal["equal", "differs", "same", "close", "json", "boxed"]


@dataclass(frozen=True)
class Call:
    """What the candidate's process is to evaluate, and what the value must be.

    `callee` is an expression; with `arguments` (marshalled positional and keyword arguments) it is called, without it is the whole
    expression. `wrapper` is a built-in function that is applied to the result before it crosses, or `not` / `bool`.
    """

    callee: str
    arguments: bytes | None
    expected: Any
    relation: Relation = "equal"
    atol: float = 0.0
    rtol: float = 0.0
    wrapper: str = ""
    shown: str = ""
    """The call as a person reads it."""

    def order(self) -> tuple[str, bytes | None, str]:
        """All that the candidate's process gets to see."""
        return self.callee, self.arguments, self.wrapper


_WRAPPERS = frozenset({"set", "sorted", "list", "tuple", "len", "sum", "dict", "str", "round", "frozenset", "int", "float", "bool", "abs"})
_BUILTINS = frozenset(vars(builtins))


@dataclass(frozen=True)
class _Script:
    """What the names of a test script mean."""

    entry_point: str | None
    candidate: str | None = None
    """The parameter of `check` that stands for the entry point."""

    def source(self, node: ast.expr) -> str:
        if self.candidate is None:
            return ast.unparse(node)
        replaced = _Rename(self.candidate, ast.parse(str(self.entry_point), mode="eval").body).visit(node)
        return ast.unparse(replaced)

    def is_entry_point(self, node: ast.expr) -> bool:
        if self.candidate is not None:
            return isinstance(node, ast.Name) and node.id == self.candidate
        return self.entry_point is not None and ast.unparse(node) == self.entry_point


def calls_of_test(test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    """The calls that decide this test, in order; None where no such calls are found."""
    if test["kind"] == "call":
        return [_call_test(test, entry_point)]
    try:
        if test["kind"] == "asserts":
            return _script_calls(ast.parse(test["code"]).body, _Script(entry_point))
        if test["kind"] == "check" and entry_point:
            return _check_calls(ast.parse(test["code"]), entry_point.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, ArithmeticError):
        return None
    return None


def _call_test(test: dict[str, Any], entry_point: str | None) -> Call:
    if entry_point is None:
        raise NotConstant("a call test needs an entry point")
    arguments = constant(test["args"])
    if isinstance(arguments, dict):
        packed = marshal.dumps(((), arguments))
    elif isinstance(arguments, (list, tuple)):
        packed = marshal.dumps((tuple(arguments), {}))
    else:
        raise NotConstant("the args of a call test are a list, a tuple or a dict")
    shown = f"{entry_point}(*{test['args'].strip()})"
    compare = test.get("compare", "python")
    relation: Relation = "equal" if compare == "python" else compare
    return Call(entry_point, packed, constant(test["expected"]), relation=relation, atol=test["atol"], shown=shown)


def _check_calls(module: ast.Module, entry_point: str) -> list[Call] | None:
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in module.body if not isinstance(node, ast.FunctionDef) and not _is_inert(node)]
    if len(functions) != 1 or functions[0].name != "check" or len(functions[0].args.args) != 1 or others:
        return None
    return _script_calls(functions[0].body, _Script(entry_point, functions[0].args.args[0].arg))


def _is_inert(node: ast.stmt) -> bool:
    """A docstring, `pass`, `import math`, a bare name, or an assignment of constants such as METADATA."""
    if isinstance(node, ast.Assign):
        return is_constant(node.value)
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names] == ["math"]
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, ast.Name)))


def _script_calls(body: list[ast.stmt], script: _Script) -> list[Call] | None:
    calls = []
    for node in body:
        if _is_inert(node):
            continue
        if not isinstance(node, ast.Assert):
            return None
        if is_constant(node.test):
            if not evaluate(node.test):
                return None
            continue
        call = _assertion(node.test, script)
        if call is None:
            return None
        calls.append(call)
    return calls


def _assertion(node: ast.expr, script: _Script) -> Call | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _comparison(node, script)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _call(node.operand, script, True, wrapper="not")
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("math.isclose", "isclose"):
        return _isclose(node, script)
    return _call(node, script, True, wrapper="bool")


def _comparison(node: ast.Compare, script: _Script) -> Call | None:
    left, operator, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(operator, (ast.Lt, ast.LtE)):
        return _distance(left, right, script)
    if is_constant(left):
        left, right = right, left
    if not is_constant(right):
        return None
    if isinstance(operator, ast.Eq):
        return _call(left, script, evaluate(right))
    if isinstance(operator, ast.NotEq):
        return _call(left, script, evaluate(right), relation="differs")
    if isinstance(operator, ast.Is) and isinstance(right, ast.Constant) and right.value in (None, True, False):
        return _call(left, script, right.value, relation="same")
    return None


def _distance(left: ast.expr, bound: ast.expr, script: _Script) -> Call | None:
    """`abs(f(x) - 3.5) < 1e-6`."""
    if not (isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "abs" and len(left.args) == 1):
        return None
    inner = left.args[0]
    if not (isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub) and is_constant(bound)):
        return None
    call, expected = (inner.right, inner.left) if is_constant(inner.left) else (inner.left, inner.right)
    if not is_constant(expected):
        return None
    return _call(call, script, evaluate(expected), relation="close", atol=float(evaluate(bound)))


def _isclose(node: ast.Call, script: _Script) -> Call | None:
    tolerances = {keyword.arg: keyword.value for keyword in node.keywords}
    if len(node.args) != 2 or not set(tolerances) <= {"rel_tol", "abs_tol"} or not all(map(is_constant, tolerances.values())):
        return None
    call, expected = node.args if is_constant(node.args[1]) else reversed(node.args)
    if not is_constant(expected):
        return None
    found = {name: float(evaluate(value)) for name, value in tolerances.items()}
    return _call(call, script, evaluate(expected), relation="close", atol=found.get("abs_tol", 0.0), rtol=found.get("rel_tol", 1e-9))


def _call(
    node: ast.expr,
    script: _Script,
    expected: Any,
    *,
    relation: Relation = "equal",
    wrapper: str = "",
    atol: float = 0.0,
    rtol: float = 0.0,
) -> Call | None:
    """The call that `node` is, or None when it is something else or shows what is expected."""
    if not isinstance(node, ast.Call) or not _is_candidate_call(node, script):
        return None
    shown = script.source(node)
    details: dict[str, Any] = {"relation": relation, "atol": atol, "rtol": rtol, "shown": shown}
    inner = None if wrapper or script.is_entry_point(node.func) else _unwrapped(node)
    if inner is not None and isinstance(node.func, ast.Name) and _has_constant_arguments(inner):
        return Call(script.source(inner.func), pack(inner), expected, wrapper=node.func.id, **details)
    if _has_constant_arguments(node) and (script.is_entry_point(node.func) or not _is_wrapper(node.func)):
        return Call(script.source(node.func), pack(node), expected, wrapper=wrapper, **details)
    return Call(shown, None, expected, wrapper=wrapper, **details)


def _unwrapped(node: ast.Call) -> ast.Call | None:
    """`f(x)` of `set(f(x))`."""
    inner = node.args[0] if len(node.args) == 1 and not node.keywords and _is_wrapper(node.func) else None
    return inner if isinstance(inner, ast.Call) and not _is_wrapper(inner.func) else None


def _has_constant_arguments(node: ast.Call) -> bool:
    plain = all(not isinstance(argument, ast.Starred) and is_constant(argument) for argument in node.args)
    return plain and all(keyword.arg is not None and is_constant(keyword.value) for keyword in node.keywords)


def pack(node: ast.Call) -> bytes:
    """The constant arguments of a call, marshalled; raises `NotConstant` for others."""
    positional = tuple(evaluate(argument) for argument in node.args)
    return marshal.dumps((positional, {keyword.arg: evaluate(keyword.value) for keyword in node.keywords}))


def _is_wrapper(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _WRAPPERS


def _is_candidate_call(node: ast.expr, script: _Script) -> bool:
    """A call of a name of the program, possibly inside built-in wrappers, whose arguments need nothing else to be known.

    Arguments of the entry point may be calls of the program's helpers (`f(list_node([1, 2]))`). Those of other names may not: in
    `is_same_list(f(x), list_node([2, 1]))` they show what is expected.
    """
    if not isinstance(node, ast.Call):
        return False
    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
    if script.is_entry_point(node.func):
        return all(is_constant(argument) or _is_candidate_call(argument, script) for argument in arguments)
    if _is_wrapper(node.func) and arguments and _is_candidate_call(arguments[0], script):
        return all(map(is_constant, arguments[1:]))
    return _is_callee(node.func) and all(map(is_constant, arguments))


def _is_callee(node: ast.expr) -> bool:
    """A name of the program, or a method of an object made by calling one: `Solution().f`."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Call) and not node.value.args and not node.value.keywords and _is_callee(node.value.func)
    return isinstance(node, ast.Name) and node.id not in _BUILTINS


class _Rename(ast.NodeTransformer):
    def __init__(self, name: str, replacement: ast.expr) -> None:
        self._name = name
        self._replacement = replacement

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._replacement if node.id == self._name else node

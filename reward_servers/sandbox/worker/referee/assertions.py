"""From assertions to calls: `assert f(1, 2) == 3` becomes a call, `f(1, 2)`, and a value, 3, that it must have.

Only assertions whose expected side is a constant can be treated so: what the call shows of it, the program sees.
"""

from __future__ import annotations

import ast
import builtins
import marshal
from dataclasses import dataclass
from typing import Any, Literal

from reward_servers.sandbox.worker.referee.constants import NAMES, evaluate, has_nan, is_constant

Relation = Literal["equal", "differs", "same", "close", "below", "within", "json", "boxed"]

_WRAPPERS = frozenset({"set", "sorted", "list", "tuple", "len", "sum", "dict", "str", "round", "frozenset", "int", "float", "bool", "abs"})
_NUMBERS = {"inf": "1e999", "nan": "1e999 - 1e999"}
_BUILTINS = frozenset(vars(builtins))


@dataclass(frozen=True)
class Call:
    """What the candidate's process is to evaluate, and what the value must be."""

    code: bytes
    """The expression, compiled and marshalled: all that the candidate's process gets to see, with `truth`."""
    expected: Any
    relation: Relation = "equal"
    atol: float = 0.0
    rtol: float = 0.0
    truth: bool = False
    """Whether it is to say of the value only whether Python takes it for true."""
    shown: str = ""
    """The call as a person reads it."""
    length: int = 0
    """Of what is expected, in writing."""


@dataclass(frozen=True)
class Script:
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


def is_inert(node: ast.stmt) -> bool:
    """A docstring, `pass`, `import math`, a bare name, or an assignment of constants such as METADATA."""
    if isinstance(node, ast.Assign):
        return is_constant(node.value)
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names] == ["math"]
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, ast.Name)))


def script_calls(body: list[ast.stmt], script: Script) -> list[Call] | None:
    """The calls that decide these statements, in order; None where one is something else than an assertion on a call."""
    calls = []
    for node in body:
        if is_inert(node):
            continue
        if not isinstance(node, ast.Assert):
            return None
        if is_constant(node.test):
            if not evaluate(node.test):
                return None
            continue
        if any(isinstance(part, ast.Name) and part.id in NAMES for part in ast.walk(node.test)):
            return None  # They mean what the program says.
        call = _assertion(node.test, script)
        if call is None or has_nan(call.expected):
            return None  # NaN is equal to nothing, and sometimes to itself.
        calls.append(call)
    return calls


def _assertion(node: ast.expr, script: Script) -> Call | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _comparison(node, script)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _call(node.operand, script, False, truth=True)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("math.isclose", "isclose"):
        return _isclose(node, script)
    return _call(node, script, True, truth=True)


def _comparison(node: ast.Compare, script: Script) -> Call | None:
    left, operator, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(operator, (ast.Lt, ast.LtE)):
        return _distance(left, right, script, "below" if isinstance(operator, ast.Lt) else "within")
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


def _distance(left: ast.expr, bound: ast.expr, script: Script, relation: Relation) -> Call | None:
    """`abs(f(x) - 3.5) < 1e-6`."""
    if not (isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "abs" and len(left.args) == 1):
        return None
    inner = left.args[0]
    if not (isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub) and is_constant(bound)):
        return None
    call, expected = (inner.right, inner.left) if is_constant(inner.left) else (inner.left, inner.right)
    if not is_constant(expected):
        return None
    return _call(call, script, evaluate(expected), relation=relation, atol=float(evaluate(bound)))


def _isclose(node: ast.Call, script: Script) -> Call | None:
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
    script: Script,
    expected: Any,
    *,
    relation: Relation = "equal",
    truth: bool = False,
    atol: float = 0.0,
    rtol: float = 0.0,
) -> Call | None:
    """The call that `node` is, or None when it is something else or shows what is expected."""
    if not _is_candidate_call(node, script):
        return None
    return Call(pack(node), expected, relation, atol, rtol, truth, script.source(node), len(repr(expected)))


def pack(node: ast.expr) -> bytes:
    """An expression, compiled and marshalled; of where it stood, nothing is left."""
    return marshal.dumps(compile(ast.unparse(_Numbers().visit(node)), "<test>", "eval", dont_inherit=True))


def _is_wrapper(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _WRAPPERS


def _is_candidate_call(node: ast.expr, script: Script) -> bool:
    """A call of a name of the program, possibly inside built-in wrappers, whose arguments need nothing else to be known.

    Arguments of the entry point may be calls of the program's helpers (`f(list_node([1, 2]))`). Those of other names may not: in
    `is_same_list(f(x), list_node([2, 1]))` they show what is expected.
    """
    if not isinstance(node, ast.Call):
        return False
    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node.func, ast.Name) and node.func.id[:1].isupper():
        return False  # An object of a class of the program's is no plain data.
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


class _Numbers(ast.NodeTransformer):
    """`inf` and `nan` are numbers where a value is written down, whatever the program makes of these names."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(_NUMBERS[node.id], mode="eval").body if node.id in _NUMBERS else node


class _Rename(ast.NodeTransformer):
    def __init__(self, name: str, replacement: ast.expr) -> None:
        self._name = name
        self._replacement = replacement

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._replacement if node.id == self._name else node

"""From tests to calls: which tests can be decided by comparing values outside the candidate's process. It depends on the test alone.

An assertion `assert f(1, 2) == 3` becomes a call, `f(1, 2)`, made beside the candidate, and a value, 3, which stays with the referee. Only
assertions whose expected side is a constant can be treated so. A test with any other statement is not sealed as calls: it runs inline.
"""

from __future__ import annotations

import ast
import builtins
import marshal
from dataclasses import dataclass
from typing import Any, Literal

from reward_servers.sandbox.worker.referee.constants import NAMES, NotConstant, constant, evaluate, has_nan, is_constant

Relation = Literal["equal", "differs", "same", "close", "below", "within", "json", "boxed"]


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
class Calls:
    """A test as the calls that decide it, after imports and assignments of its own.

    `candidate` is a name in the calls and the expression that it stands for, which is evaluated once for the test. `imported` are the
    program's names that the calls know, where they do not know them all.
    """

    calls: list[Call]
    imports: list[str]
    candidate: tuple[str, str] | None = None
    imported: tuple[str, ...] | None = None

    def scope(self) -> tuple[tuple[str, str] | None, tuple[str, ...] | None]:
        """What the candidate's process needs to know of names."""
        return self.candidate, self.imported


_WRAPPERS = frozenset({"set", "sorted", "list", "tuple", "len", "sum", "dict", "str", "round", "frozenset", "int", "float", "bool", "abs"})
_NUMBERS = {"inf": "1e999", "nan": "1e999 - 1e999"}
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


def calls_of_test(test: dict[str, Any], entry_point: str | None) -> Calls | None:
    """The calls that decide this test, in order; None where no such calls are found."""
    if test["kind"] == "call":
        return _call_test(test, entry_point)
    try:
        tree = ast.parse(test["code"])
        entry_point = (entry_point or "").strip() or None
        found = _READERS[test["kind"]](tree, test, entry_point)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, ArithmeticError):
        return None
    if found is None:
        return None
    if test["kind"] == "pytest":
        return Calls(
            found, [], imported=tuple(alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names)
        )
    before = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.Assign))]
    candidate = (_parameter(tree), str(entry_point)) if test["kind"] == "check" else None
    return Calls(found, before if test["kind"] in ("asserts", "check") else [], candidate)


def _call_test(test: dict[str, Any], entry_point: str | None) -> Calls:
    if entry_point is None:
        raise NotConstant("a call test needs an entry point")
    source = test["args"].strip()
    arguments = constant(source)
    if not isinstance(arguments, (dict, list, tuple)):
        raise NotConstant("the args of a call test are a list, a tuple or a dict")
    stars = "**" if isinstance(arguments, dict) else "*"
    call = ast.parse(f"candidate({stars}({source}\n))", mode="eval").body
    compare = test.get("compare", "python")
    relation: Relation = "equal" if compare == "python" else compare
    expected = constant(test["expected"])
    shown = f"{entry_point}({stars}{source})"
    found = Call(pack(call), expected, relation=relation, atol=test["atol"], shown=shown, length=len(repr(expected)))
    return Calls([found], [], ("candidate", entry_point))


def _asserts(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    assigned = [place for place, node in enumerate(module.body) if isinstance(node, (ast.Import, ast.Assign))]
    if any(isinstance(node, ast.Assert) for node in module.body[: max(assigned, default=0)]):
        return None  # What is imported or assigned comes before all calls, or is another's name meanwhile.
    return _script_calls(module.body, _Script(entry_point))


def _check(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in module.body if not isinstance(node, ast.FunctionDef) and not _is_inert(node)]
    if entry_point is None or len(functions) != 1 or functions[0].name != "check" or len(functions[0].args.args) != 1 or others:
        return None
    return _script_calls(functions[0].body, _Script(entry_point, functions[0].args.args[0].arg))


def _parameter(module: ast.Module) -> str:
    """Of the test's only function."""
    return next(node.args.args[0].arg for node in module.body if isinstance(node, ast.FunctionDef))


def _pytest(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    """A file of functions without arguments that import the program's functions by their names."""
    calls: list[Call] = []
    if _defines_twice(module):
        return None
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test") and not (ast.unparse(node.args) or node.decorator_list):
            found = _script_calls(node.body, _Script(None))
            if found is None:
                return None
            calls += found
        elif not (_is_import_of(node, test["module"]) or ast.unparse(node) == "import pytest" or _is_docstring(node)):
            return None
    return calls or None


def _unittest(module: ast.Module, test: dict[str, Any], entry_point: str | None) -> list[Call] | None:
    """Classes of methods that call assert methods, in the order in which unittest runs them."""
    methods: list[ast.FunctionDef] = []
    if _defines_twice(module):
        return None
    for node in sorted(module.body, key=lambda item: item.name if isinstance(item, ast.ClassDef) else ""):
        if (
            isinstance(node, ast.ClassDef)
            and [ast.unparse(base) for base in node.bases] == ["unittest.TestCase"]
            and not node.decorator_list
        ):
            found = [
                item for item in node.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test") and not item.decorator_list
            ]
            if len(found) + sum(map(_is_docstring, node.body)) != len(node.body) or _defines_twice(node):
                return None
            methods += sorted(found, key=lambda method: method.name)
        elif not (ast.unparse(node) == "import unittest" or _is_docstring(node) or _is_main(node)):
            return None
    statements = [_assertion_of(statement) for method in methods for statement in method.body]
    return _script_calls(statements, _Script(entry_point)) if methods else None


def _assertion_of(node: ast.stmt) -> ast.stmt:
    """`assert a == b` for `self.assertEqual(a, b)`, and the like."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not node.value.keywords):
        return node
    method, arguments = ast.unparse(node.value.func), node.value.args
    if method == "self.assertEqual" and len(arguments) == 2:
        return ast.Assert(ast.Compare(arguments[0], [ast.Eq()], [arguments[1]]))
    if method == "self.assertIsNone" and len(arguments) == 1:
        return ast.Assert(ast.Compare(arguments[0], [ast.Is()], [ast.Constant(None)]))
    if method in ("self.assertTrue", "self.assertFalse") and len(arguments) == 1:
        return ast.Assert(arguments[0] if method == "self.assertTrue" else ast.UnaryOp(ast.Not(), arguments[0]))
    return node


_READERS = {"asserts": _asserts, "check": _check, "pytest": _pytest, "unittest": _unittest}


def _is_import_of(node: ast.stmt, module: str) -> bool:
    names = node.names if isinstance(node, ast.ImportFrom) and node.module == module and not node.level else []
    return bool(names) and all(alias.asname is None and alias.name != "*" and alias.name[:4].lower() != "test" for alias in names)


def _defines_twice(node: ast.Module | ast.ClassDef) -> bool:
    """Whether a later definition takes the place of an earlier one."""
    names = [item.name for item in node.body if isinstance(item, (ast.FunctionDef, ast.ClassDef))]
    return len(names) != len(set(names))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


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
        if any(isinstance(part, ast.Name) and part.id in NAMES for part in ast.walk(node.test)):
            return None  # They mean what the program says.
        call = _assertion(node.test, script)
        if call is None or has_nan(call.expected):
            return None  # NaN is equal to nothing, and sometimes to itself.
        calls.append(call)
    return calls


def _assertion(node: ast.expr, script: _Script) -> Call | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _comparison(node, script)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _call(node.operand, script, False, truth=True)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("math.isclose", "isclose"):
        return _isclose(node, script)
    return _call(node, script, True, truth=True)


def _comparison(node: ast.Compare, script: _Script) -> Call | None:
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


def _distance(left: ast.expr, bound: ast.expr, script: _Script, relation: Relation) -> Call | None:
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


def _is_candidate_call(node: ast.expr, script: _Script) -> bool:
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

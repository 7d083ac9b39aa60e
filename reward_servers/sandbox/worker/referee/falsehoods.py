"""Assertions made false: of one that holds, another of the same look that cannot hold, whatever the program.

Where a constant is expected, another constant is; nobody who does not know the answer can tell the two apart. Where something computed is
expected, it is changed when it is known (`_other`), and where nothing is expected to be equal, the condition is negated.
"""

from __future__ import annotations

import ast
import copy
import random
from typing import Any

from reward_servers.sandbox.worker.protocol import OTHER
from reward_servers.sandbox.worker.referee.constants import evaluate, is_constant

_OPPOSITES = {
    "assertTrue": "assertFalse",
    "assertIsNone": "assertIsNotNone",
    "assertIn": "assertNotIn",
    "assertIs": "assertIsNot",
    "assertIsInstance": "assertNotIsInstance",
    "assertGreater": "assertLessEqual",
    "assertLess": "assertGreaterEqual",
    "assertRegex": "assertNotRegex",
}
_OPPOSITES |= {opposite: name for name, opposite in _OPPOSITES.items()} | {"assertNotEqual": "assertEqual"}
_EQUALITIES = frozenset({"assertEqual", "assertEquals", "assertListEqual", "assertTupleEqual", "assertDictEqual", "assertSetEqual"})
_EQUALITIES |= {"assertSequenceEqual", "assertMultiLineEqual", "assertCountEqual"}
_RAISING = frozenset({"raises", "assertRaises", "assertRaisesRegex"})
_ERRORS = ("FloatingPointError", "BlockingIOError", "ChildProcessError", "UnicodeTranslateError")
"""Errors that no other class of Python's is derived from, and that hardly anything raises."""
_TRIES = 20


class Falsifier:
    """Makes statements of tests ready for a counter-test. `names` are those of the program, in the test's words."""

    def __init__(self, names: frozenset[str], draw: random.Random) -> None:
        self._names = names
        self._draw = draw

    def statement(self, node: ast.stmt, change: bool) -> ast.stmt | None:
        """The statement, false with `change`; None for one that asserts nothing or that cannot be falsified with certainty."""
        node = copy.deepcopy(node)
        if isinstance(node, ast.Assert):
            node.test, node.msg = self._condition(node.test, change), None
            return node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return node if self._method(node.value, change) else None
        if isinstance(node, ast.With) and len(node.items) == 1 and node.items[0].optional_vars is None:
            return node if raises(node) and self._raising(node.items[0].context_expr, change) else None
        return None

    def _condition(self, node: ast.expr, change: bool) -> ast.expr:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            node.values[-1] = self._condition(node.values[-1], change)  # What stands before it is evaluated still.
            return node
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            node.left, node.comparators[0] = self._pair(node.left, node.comparators[0], change)
            return node
        if isinstance(node, ast.Compare) and self._distance(node, change):
            return node
        return ast.UnaryOp(ast.Not(), node) if change else node

    def _distance(self, node: ast.Compare, change: bool) -> bool:
        """`abs(f(x) - 3.5) < 1e-6`: another number, far from the first, where there is one."""
        left, bound = node.left, node.comparators[0]
        if not (len(node.ops) == 1 and isinstance(node.ops[0], (ast.Lt, ast.LtE)) and _small(bound)):
            return False
        if not (isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "abs" and len(left.args) == 1):
            return False
        inner = left.args[0]
        if not (isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub)):
            return False
        inner.left, inner.right = self._pair(inner.left, inner.right, change)
        return True

    def _pair(self, left: ast.expr, right: ast.expr, change: bool) -> tuple[ast.expr, ast.expr]:
        """Two sides that are equal, made unequal: the one that is expected is changed."""
        if self._is_expected(left) and not self._is_expected(right):
            return self._expected(left, change), right
        return left, self._expected(right, change)

    def _is_expected(self, node: ast.expr) -> bool:
        return is_constant(node) or not any(isinstance(part, ast.Name) and part.id in self._names for part in ast.walk(node))

    def _expected(self, node: ast.expr, change: bool) -> ast.expr:
        if is_constant(node):
            return self.constant(node) if change else node
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.approx", "approx") and node.args and not node.keywords:
            node.args[0] = self._expected(node.args[0], change)
            return node
        return ast.Call(ast.Name(OTHER, ast.Load()), [ast.Constant(change), node], [])

    def constant(self, node: ast.expr) -> ast.expr:
        """A constant of the same look and another value."""
        before = evaluate(node)
        for _ in range(_TRIES):
            changed = copy.deepcopy(node)
            leaves = [leaf for leaf in ast.walk(changed) if isinstance(leaf, ast.Constant)]
            if leaves:
                leaf = self._draw.choice(leaves)
                leaf.value = self._another(leaf.value)
            elif isinstance(changed, (ast.List, ast.Tuple)):
                changed.elts = [ast.Constant(self._draw.randrange(10))]
            else:
                break
            try:
                if evaluate(changed) != before:
                    return changed
            except (ValueError, TypeError, ArithmeticError):
                continue
        return ast.Call(ast.Name(OTHER, ast.Load()), [ast.Constant(True), node], [])

    def _another(self, value: Any) -> Any:
        draw = self._draw
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + draw.choice((-2, -1, 1, 2, 3)) if value > 2 else value + draw.choice((1, 2, 3))
        if isinstance(value, float):
            return value + draw.choice((1.0, 2.0, 2.5)) * max(1.0, round(abs(value)))
        if isinstance(value, str):
            return self._another_text(value)
        if isinstance(value, bytes):
            return self._another_text(value.decode("latin1")).encode("latin1")
        return draw.choice((0, False)) if value is None else value

    def _another_text(self, text: str) -> str:
        if not text:
            return self._draw.choice("abcdefgh")
        place, letters = self._draw.randrange(len(text)), [*set(text) - {"\\"}, "a", "e", "s", "1"]
        return text[:place] + self._draw.choice(letters) + text[place + self._draw.randrange(2) :]

    def _method(self, call: ast.Call, change: bool) -> bool:
        """A call of one of unittest's methods."""
        if not (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)):
            return False
        name = call.func.attr
        if name in _EQUALITIES or (name == "assertAlmostEqual" and not call.keywords and len(call.args) == 2):
            if len(call.args) < 2 or any(isinstance(argument, ast.Starred) for argument in call.args):
                return False
            call.args[:2] = self._pair(call.args[0], call.args[1], change)
            return True
        if name == "assertTrue" and len(call.args) == 1:
            call.args[0] = self._condition(call.args[0], change)
            return True
        if name in _OPPOSITES:
            call.func.attr = _OPPOSITES[name] if change else name
            return True
        return name in _RAISING and len(call.args) > 1 and self._raising(call, change)

    def _raising(self, call: ast.expr, change: bool) -> bool:
        if not (isinstance(call, ast.Call) and call.args and isinstance(call.args[0], (ast.Name, ast.Attribute, ast.Tuple))):
            return False
        if change:
            expected = ast.unparse(call.args[0])
            call.args[0] = ast.Name(self._draw.choice([name for name in _ERRORS if name not in expected]), ast.Load())
        return True


def raises(node: ast.With) -> bool:
    """Whether an error is awaited in the body."""
    calls = [item.context_expr.func for item in node.items if isinstance(item.context_expr, ast.Call)]
    return any(isinstance(call, (ast.Attribute, ast.Name)) and ast.unparse(call).rpartition(".")[2] in _RAISING for call in calls)


def _small(node: ast.expr) -> bool:
    """A tolerance that is less than what a changed number is changed by."""
    return is_constant(node) and isinstance(value := evaluate(node), (int, float)) and abs(value) < 0.5

"""Counter-tests: a test again, with a random half of its assertions made false, which a program can answer only by being right.

Each assertion is wrapped, the true ones like the false ones, so that the test goes on and tells which of them held:

    try:
        assert f(2) == 6            # the test says 5
    except BaseException:
        note(3, False)
    else:
        note(3, True)

A program that is right for all that the test asks fails the false ones and no others. One whose objects are equal to everything, that ends
the test, reports in its place, or reads what is expected and returns it cannot tell which are false, and answers wrongly. Counter-tests
come in pairs that falsify each assertion once. Only assertions that every run reaches must be heard of.
"""

from __future__ import annotations

import ast
import builtins
import random
from dataclasses import dataclass

from reward_servers.sandbox.worker.protocol import NOTE
from reward_servers.sandbox.worker.referee.constants import evaluate, is_constant
from reward_servers.sandbox.worker.referee.falsehoods import Falsifier, raises
from reward_servers.sandbox.worker.referee.reach import binds, lasting, leaves, may_skip

_BITS = 6
"""So many assertions, pairs taken together, are at least falsified; a lone one more often than one among many."""
_HARMLESS_DECORATORS = ("patch", "parametrize", "usefixtures", "asyncio", "timeout", "anyio", "staticmethod", "classmethod")


@dataclass(frozen=True)
class CounterTest:
    """A test with some of its assertions falsified."""

    tree: ast.Module
    false: frozenset[int]
    """Which ones, by number."""
    sure: frozenset[int]
    """Which of all its assertions every run reaches that passes the test."""

    def explains(self, held: set[int], failed: set[int]) -> bool:
        """Whether a right program would make these assertions hold and these fail."""
        true = self.sure - self.false
        return not (held & self.false or failed - self.false) and true <= held and self.sure & self.false <= failed


def counter_tests(kind: str, code: str, names: frozenset[str], seed: int) -> list[CounterTest]:
    """Pairs of counter-tests of a test that parses; none where nothing in it can be falsified with certainty."""
    draw = random.Random(seed)
    found: list[CounterTest] = []
    pairs = 1
    while len(found) < 2 * pairs:
        first = _Walk(kind, code, names, draw, None)
        second = _Walk(kind, code, names, draw, first.all - first.false)
        found += [walk.result() for walk in (first, second)]
        pairs = -(-_BITS // (2 * max(first.bits, 1)))
    draw.shuffle(found)
    return [test for test in found if test.sure or test.false]


def program_names(code: str, module: str | None, entry_point: str | None) -> frozenset[str]:
    """The names in a test that stand for something of the program's: imported from its module, bound nowhere, or made of such."""
    tree = ast.parse(code)
    read, bound = _names(tree, ast.Load), _names(tree, ast.Store) | set(vars(builtins))
    found = {"candidate"} | ({entry_point.partition("(")[0].partition(".")[0]} if entry_point else set())
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            source = node.module if isinstance(node, ast.ImportFrom) else None
            for alias in node.names:
                (found if module in (source, alias.name) else bound).add((alias.asname or alias.name).partition(".")[0])
    found |= read - bound
    made = [(_names(node, ast.Store), _names(node, ast.Load)) for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.For))]
    for _ in range(2):
        for targets, sources in made:
            if sources & found:
                found |= targets
    return frozenset(found)


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Names that are read or stored; of a loop, in its head."""
    nodes = [tree.target, tree.iter] if isinstance(tree, ast.For) else [tree]
    return {node.id for top in nodes for node in ast.walk(top) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


class _Walk:
    """One way through a test: wraps each assertion and falsifies those of `false`, or a random half where that is None."""

    def __init__(self, kind: str, code: str, names: frozenset[str], draw: random.Random, false: frozenset[int] | None) -> None:
        self._falsifier = Falsifier(names, draw)
        self._full: set[str] = set()
        """Names of what is not empty."""
        self._draw = draw
        self._wanted = false
        self._number = 0
        self._awaits_failures = "AssertionError" in code or "pytestmark" in code or "pytest.fail" in code
        self.bits = 0
        """Assertions of the test's own that every passing run reaches."""
        self.false: set[int] = set()
        self.sure: set[int] = set()
        self._tree = ast.parse(code)
        self._may_skip = binds(self._tree, "load_tests") or any(map(may_skip, ast.walk(self._tree)))
        """Whether what comes before tests may leave them out."""
        self._called = {ast.unparse(node.value) for node in self._tree.body if isinstance(node, ast.Expr)}
        self._full = {
            ast.unparse(node.targets[0]) for node in ast.walk(self._tree) if isinstance(node, ast.Assign) and self._goes_round(node.value)
        }
        self._tree.body = self._script(self._tree.body, kind)
        ast.fix_missing_locations(self._tree)

    @property
    def all(self) -> frozenset[int]:
        return frozenset(range(self._number))

    def result(self) -> CounterTest:
        return CounterTest(self._tree, frozenset(self.false), frozenset(self.sure))

    def _script(self, body: list[ast.stmt], kind: str) -> list[ast.stmt]:
        for node in lasting(body):
            if isinstance(node, ast.ClassDef):
                self._class(node, kind)
            elif isinstance(node, ast.FunctionDef) and kind == "pytest" and node.name.startswith("test"):
                self._function(node)
            elif isinstance(node, ast.FunctionDef) and kind in ("asserts", "check"):
                sure = f"{node.name}()" in self._called or (kind == "check" and node.name == "check")
                node.body = self._block(node.body, sure, ends=sure)
        if kind in ("asserts", "check"):
            return self._block(body, True, ends=kind == "asserts")
        return body

    def _class(self, node: ast.ClassDef, kind: str) -> None:
        is_case = any("TestCase" in ast.unparse(base) for base in node.bases)
        is_collected = kind == "pytest" and node.name.startswith("Test") and not node.bases
        if node.decorator_list or binds(node, "__test__", "__init__") or not (is_case or is_collected):
            return
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef) if any("Isolated" in ast.unparse(base) for base in node.bases) else ast.FunctionDef
        for item in lasting(node.body):
            if isinstance(item, kinds) and item.name.startswith("test"):
                self._function(item)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = " ".join(map(ast.unparse, node.decorator_list))
        harmless = all(any(name in ast.unparse(one) for name in _HARMLESS_DECORATORS) for one in node.decorator_list)
        if harmless and not any(word in decorators for word in ("marks", "xfail", "skip")):
            sure = not self._may_skip and ("parametrize" not in decorators or "[]" not in decorators)
            node.body = self._block(node.body, sure, ends=True)

    def _block(self, body: list[ast.stmt], sure: bool, *, ends: bool = False) -> list[ast.stmt]:
        """Statements with their assertions wrapped; `sure` while every passing run comes by. With `ends`, one more tells of the end."""
        done: list[ast.stmt] = []
        for node in body:
            done.append(self._statement(node, sure))
            sure = sure and not leaves(node)
        if ends and sure:
            number = self._draw.randrange(2, 99)
            one, other = ast.Constant(number), ast.Constant(number)
            done.append(self._wrap(ast.Assert(ast.Compare(one, [ast.Eq()], [other])), True, real=False))
        return done

    def _statement(self, node: ast.stmt, sure: bool) -> ast.stmt:
        if isinstance(node, (ast.Assert, ast.Expr)) or (isinstance(node, ast.With) and raises(node)):
            return self._wrap(node, sure)
        if isinstance(node, (ast.With, ast.AsyncWith)):
            node.body = self._block(node.body, sure and "suppress" not in "".join(ast.unparse(item) for item in node.items))
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            node.body = self._block(node.body, sure and self._goes_round(node.iter))
        elif isinstance(node, (ast.If, ast.While)) and not self._awaits_failures:
            node.body, node.orelse = self._block(node.body, False), self._block(node.orelse, False)
        return node

    def _goes_round(self, node: ast.expr) -> bool:
        """Whether something stands in this iterable for certain."""
        if isinstance(node, ast.Name):
            return node.id in self._full
        if is_constant(node):
            value = evaluate(node)
            return hasattr(value, "__len__") and len(value) > 0
        if isinstance(node, (ast.List, ast.Tuple)):
            return bool(node.elts) and not any(isinstance(item, ast.Starred) for item in node.elts)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args and node.func.attr == "items":
            return self._goes_round(node.func.value)
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            return False
        if node.func.id == "range":
            values = [evaluate(argument) for argument in node.args if is_constant(argument)]
            return len(values) == len(node.args) and all(isinstance(value, int) for value in values) and len(range(*values)) > 0
        return node.func.id in ("enumerate", "reversed", "sorted", "zip") and all(map(self._goes_round, node.args))

    def _wrap(self, node: ast.stmt, sure: bool, *, real: bool = True) -> ast.stmt:
        number = self._number
        false = self._draw.random() < 0.5 if self._wanted is None else number in self._wanted
        changed = None if self._awaits_failures and not sure else self._falsifier.statement(node, false)
        if changed is None:
            return node
        self._number += 1
        self.bits += real and sure
        if false:
            self.false.add(number)
        if sure:
            self.sure.add(number)
        handler = ast.ExceptHandler(ast.Name("BaseException", ast.Load()), None, [_note(number, False)])
        return ast.copy_location(ast.Try([changed], [handler], [_note(number, True)], []), node)


def _note(number: int, held: bool) -> ast.stmt:
    return ast.Expr(ast.Call(ast.Name(NOTE, ast.Load()), [ast.Constant(number), ast.Constant(held)], []))

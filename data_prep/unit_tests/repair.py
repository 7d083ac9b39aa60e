"""Repairing a test that fails on a right solution: its inputs are kept, its wrong expectations replaced by what the interpreter gives.

CodeRM-8B has a language model do this from the interpreter's output. Where an expectation is a constant beside a call with constant
arguments, as in nearly all generated tests, nothing need be asked: the value that the solution returns there is the correction.
"""

from __future__ import annotations

import ast

from code_reward.errors import SandboxError
from code_reward.parsing import parse_python
from code_reward.problem import UnittestTest
from data_prep.unit_tests.asserts import is_literal
from reward_servers.sandbox.outcome import Limits, Sandbox

_EQUAL = frozenset({"assertEqual", "assertEquals", "assertListEqual", "assertTupleEqual", "assertDictEqual", "assertSetEqual"})
_EQUAL |= {"assertCountEqual", "assertAlmostEqual"}


async def repair(test: UnittestTest, program: str, entry_point: str, sandbox: Sandbox, limits: Limits) -> UnittestTest | None:
    """The test with its expectations as `program` has them; None where nothing could be corrected.

    Raises `SandboxError` when the sandbox fails, which says nothing of the test.
    """
    tree = parse_python(test.code)
    found = [place for node in ast.walk(tree) if isinstance(node, ast.Call) and (place := _expectation(node, entry_point))]
    if not found:
        return None
    seen = await sandbox.observe(program, [ast.unparse(call) for call, _ in found], limits=limits)
    if seen.kind == "sandbox_error":
        raise SandboxError(f"The sandbox fails on calls of {entry_point} ({seen.message}); mend it and run this again.")
    lines = test.code.split("\n")
    changes = [(node, call.value) for (_, node), call in zip(found, seen.calls, strict=True) if _differs(node, call.value)]
    # From the end, so that earlier places stay where they are; comments stay with their lines.
    for node, value in sorted(changes, key=lambda change: (change[0].lineno, change[0].col_offset), reverse=True):
        _replace(lines, node, str(value))
    return UnittestTest(code="\n".join(lines)) if changes else None


def _expectation(node: ast.Call, entry_point: str) -> tuple[ast.Call, ast.expr] | None:
    """The call of the solution in an assertion, and the expression beside it that says what it should give."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in _EQUAL or len(node.args) < 2:
        return None
    for call, expected in (node.args[:2], node.args[1::-1]):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == entry_point and is_literal(expected):
            return call, expected
    return None


def _differs(node: ast.expr, value: str | None) -> bool:
    """Whether the observed value is a literal, and another one than stands there."""
    try:
        return value is not None and bool(ast.literal_eval(value) != ast.literal_eval(node))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False


def _replace(lines: list[str], node: ast.expr, text: str) -> None:
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    # Columns count bytes.
    before, after = lines[first].encode()[: node.col_offset].decode(), lines[last].encode()[node.end_col_offset or 0 :].decode()
    old = ast.unparse(node)
    lines[first : last + 1] = [before + text + after]
    if first and lines[first - 1].lstrip().startswith("#"):  # What the comment says of the value is as wrong.
        lines[first - 1] = lines[first - 1].replace(old, text)

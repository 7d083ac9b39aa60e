"""Judging inputs: arguments on which programs are compared, none of which a hidden test uses.

A problem may bring its own (`inputs`, an extra column). Else they are made by small changes, type by type, of the examples in its
statement, or, where there are none, of the arguments in its tests; whatever equals an argument of a test is dropped.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from code_reward.errors import DataError
from code_reward.parsing import PARSE_ERRORS, parse_python
from code_reward.problem import CallTest, Problem, StdioTest
from data_prep.judges.changes import change

_TRIES = 30
_DOCTEST = re.compile(r"^\s*>>>\s*(.+)$", re.MULTILINE)
_LEETCODE = re.compile(r"Input:(?:\*\*)?\s*(\w+ ?=.*)$", re.MULTILINE)


def judging_inputs(problem: Problem, limit: int = 12) -> list[str]:
    """Up to `limit` argument lists, as source text: a tuple, or a dict of keyword arguments. The same problem gives the same inputs.

    Raises:
        DataError: No inputs can be found (kind `no_inputs`), or the problem's own are none.
    """
    hidden = {_key(arguments) for arguments in _tested(problem)}
    fresh = [arguments for arguments in _own_inputs(problem) if _key(arguments) not in hidden]
    if not fresh:
        fresh = list(_made(_examples(problem) or _tested(problem), hidden, Random(problem.id), limit))
    if not fresh:
        raise DataError(f"Problem {problem.id!r} shows no call to make judging inputs of; give it a column `inputs`.", kind="no_inputs")
    return [repr(arguments) for arguments in fresh[:limit]]


def callee_of(problem: Problem) -> str:
    """The expression that is called; raises `DataError` (kind `no_entry_point`) where nothing is named."""
    if not problem.entry_point:
        raise DataError(
            f"Problem {problem.id!r} names no entry point to call; give it one, or use a judge that reads.", kind="no_entry_point"
        )
    return problem.entry_point.strip()


def _own_inputs(problem: Problem) -> list[Any]:
    column = (problem.model_extra or {}).get("inputs") or []
    if not isinstance(column, list) or not all(isinstance(text, str) for text in column):
        raise DataError(f"Problem {problem.id!r}: the column `inputs` is no list of texts; write each input as a Python literal.")
    found = [_literal(text) for text in column]
    if None in found:
        wrong = column[found.index(None)]
        raise DataError(
            f"Problem {problem.id!r}: the input {wrong!r} is no tuple, list or dict of arguments; write one argument as `(5,)`."
        )
    return found


def _tested(problem: Problem) -> list[Any]:
    """The arguments of the hidden tests, as far as they are literals."""
    found = []
    for test in problem.tests:
        if isinstance(test, CallTest):
            found.append(_literal(test.args))
        elif not isinstance(test, StdioTest):
            found += _calls_in(test.code, {_name(problem), "candidate"})
    return [arguments for arguments in found if arguments is not None]


def _examples(problem: Problem) -> list[Any]:
    """The calls that the statement shows."""
    statement = problem.statement
    calls = [call for line in _DOCTEST.findall(statement) for call in _calls_in(line, {_name(problem)})]
    for text in _LEETCODE.findall(statement):
        calls += _calls_in(f"candidate({text.strip()})", {"candidate"})
    pattern = re.compile(rf"\b{re.escape(_name(problem))}\(")
    for line in statement.splitlines():
        for match in pattern.finditer(line):
            calls += _calls_in(_balanced(line[match.start() :]), {_name(problem)})
    return calls


def _name(problem: Problem) -> str:
    return (problem.entry_point or "").strip().rpartition(".")[2]


def _balanced(text: str) -> str:
    """Up to the parenthesis that closes the first one."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character == ")":
            return text[: place + 1]
    return ""


def _calls_in(code: str, names: set[str]) -> list[Any]:
    """The arguments of calls of `names` that are literals: a tuple, or a dict if there are keywords."""
    try:
        tree = parse_python(code.strip())
    except PARSE_ERRORS:
        return []
    calls = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in names and (node.args or node.keywords):
            arguments = _arguments(node)
            if arguments is not None:
                calls.append(arguments)
    return calls


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""


def _arguments(node: ast.Call) -> Any:
    try:
        if not node.keywords:
            return tuple(ast.literal_eval(argument) for argument in node.args)
        named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg}
        return named if not node.args and len(named) == len(node.keywords) else None
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None


def _literal(text: str) -> Any:
    """The arguments that a text holds: a tuple, or a dict of keyword arguments; None where it holds neither."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return tuple(value) if isinstance(value, list) else value if isinstance(value, (tuple, dict)) else None


def _key(arguments: Any) -> str:
    return repr(list(arguments.values()) if isinstance(arguments, dict) else list(arguments))


def _made(seeds: list[Any], hidden: set[str], draw: Random, limit: int) -> Iterator[Any]:
    """Changed seeds, each seed in turn, more changes each round; the seeds themselves first if no test uses them."""
    seen = set(hidden)
    made = 0
    for attempt in range(_TRIES):
        for seed in seeds:
            changed = seed
            for _ in range(min(attempt, 3)):
                changed = change(changed, draw)
            if _key(changed) not in seen and made < limit:
                seen.add(_key(changed))
                made += 1
                yield changed

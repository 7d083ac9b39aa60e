"""Python's parser, made fit for threads: who is to blame when it raises, the source or the interpreter.

While CPython turns what it parsed into `ast` nodes, a garbage collection may run somebody's finalizer and so let another thread go on. If
that one parses too, both count their depth in one variable (of 3.11 and 3.12), and one of them raises `SystemError: AST constructor
recursion depth mismatch`, or a false `RecursionError`, for a source that nothing is wrong with. So the parsing of this project takes turns,
and what only the interpreter can be guilty of is asked again: others (`inspect`, an import hook) parse without our lock. The lock costs
less than a microsecond, and no time in parallel, since parsing holds the interpreter's own lock from begin to end.

Every `ast.parse` of a text that is judged, and all that may run in threads, goes through `parse_python`.
"""

from __future__ import annotations

import ast
import os
from threading import RLock
from typing import Final

PARSE_ERRORS: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What a source that is no Python makes `parse_python` raise: besides `SyntaxError` null bytes and half characters (`ValueError`), and
nesting beyond the parser's limits (`RecursionError`, `MemoryError`). Anything else is the interpreter's fault, or ours."""
_ATTEMPTS: Final = 3
"""Nesting beyond the limits fails each time; a depth that another thread has spoiled hardly twice."""

# Reentrant, for a finalizer of this thread's may parse while it parses.
_turn = RLock()


def parse_python(source: str, filename: str = "<unknown>", feature_version: tuple[int, int] | None = None) -> ast.Module:
    """`ast.parse`, from any number of threads.

    Raises one of `PARSE_ERRORS` if `source` is not Python, and `SystemError` if the interpreter fails each time: no verdict on the source.
    """
    for _ in range(_ATTEMPTS):
        try:
            with _turn:
                return ast.parse(source, filename, feature_version=feature_version)
        except (SystemError, RecursionError, MemoryError) as error:
            fault = error
    raise fault


def _after_fork() -> None:
    """A fork has one thread; whoever had the turn is not in it."""
    global _turn
    _turn = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

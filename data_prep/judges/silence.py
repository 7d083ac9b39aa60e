"""`silence`: a program without the words in it that do nothing: comments, docstrings, strings that only stand there.

A policy that is rewarded by a language model learns to talk to it. What does nothing is taken out before the judge reads; names and strings
that the program uses must stay, and remain a way to talk. Lines keep their numbers.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence

from code_reward.parsing import PARSE_ERRORS, parse_python

Span = tuple[int, int, int, int]
"""First line (from 1), byte in it, last line, byte in it."""
Cut = tuple[int, int, int, int, bytes]
"""A span and what takes its place."""


def silence(program: str) -> str:
    """The program with its comments gone and each idle string replaced by `...`; one that does not parse comes back as it is."""
    lines = [line.encode("utf-8", "surrogatepass") for line in io.StringIO(program, newline="")]
    try:
        spans = [(*span, b"...") for span in _idle_strings(program)] + [(*span, b"") for span in _comments(program, lines)]
    except (*PARSE_ERRORS, tokenize.TokenError):
        return program
    for first, start, last, end, text in reversed(_apart(sorted(spans))):
        lines[first - 1] = lines[first - 1][:start] + text + lines[last - 1][end:]
        lines[first:last] = [b"\n"] * (last - first)
    return b"".join(lines).decode("utf-8", "surrogatepass")


def _idle_strings(program: str) -> list[Span]:
    return [
        (node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0)
        for node in _statements(parse_python(program))
        if isinstance(node, ast.Expr) and _is_text(node.value)
    ]


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """The tree's statements, and what groups them (handlers of exceptions, cases of a match); five times as fast as walking all nodes."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            children = getattr(node, name, None)
            # A statement holds expressions that hold no statement.
            if isinstance(children, list):
                waiting += children


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _comments(program: str, lines: Sequence[bytes]) -> Iterator[Span]:
    # Reading the tokens takes longer than all else here, and most programs of a policy have no comment.
    if "#" not in program:
        return
    for token in tokenize.generate_tokens(io.StringIO(program, newline="").readline):
        if token.type == tokenize.COMMENT:
            number, column = token.start
            start = len(lines[number - 1].decode("utf-8", "surrogatepass")[:column].encode("utf-8", "surrogatepass"))
            yield number, start, number, start + len(token.string.encode("utf-8", "surrogatepass"))


def _apart(spans: list[Cut]) -> list[Cut]:
    """Without those that lie in the one before: since Python 3.12 an f-string may hold comments."""
    kept: list[Cut] = []
    for cut in spans:
        if not kept or cut[:2] >= kept[-1][2:4]:
            kept.append(cut)
    return kept

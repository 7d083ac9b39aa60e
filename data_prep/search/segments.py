"""Segments: the pieces of a program that are a tree's nodes, whole logical lines each, so that a path is a prefix of a program.

`prints` is the published rule: a piece ends after a print that shows a variable, and wherever the indentation falls. `statements` needs
no prints: a piece is up to three logical lines and never crosses a fall of the indentation.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from code_reward.errors import DataError
from code_reward.parsing import parse_python

Rule = Literal["statements", "prints"]

_MOST_LINES = 3
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BINDINGS = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.AugAssign)


@dataclass(frozen=True)
class Segment:
    """`text` is whole lines without the last line break; `key` is the same without comments, which makes equal siblings one."""

    text: str
    key: str


@dataclass(frozen=True)
class Parts:
    """A program's definitions in segments, and what follows them: `"\\n".join` of the texts, and `suffix`, is the program."""

    segments: tuple[Segment, ...]
    suffix: str

    @property
    def program(self) -> str:
        return "\n".join(segment.text for segment in self.segments)


@dataclass(frozen=True)
class _Line:
    """A logical line: its last physical line, from 1; its column; whether it prints a variable."""

    end: int
    column: int
    start: int
    shows: bool


def split_program(program: str, rule: Rule, prefix: tuple[Segment, ...] = ()) -> Parts:
    """Cut a program into segments.

    Args:
        program: It must parse.
        rule: Where segments end.
        prefix: Segments that it is known to begin with: they are kept as they are.

    Raises:
        DataError: It does not parse (kind `not_python`), defines nothing (kind `no_definition`), or does not begin with `prefix` and go on
            after it (kind `wrong_prefix`).
    """
    program = program.replace("\r\n", "\n").replace("\r", "\n").rstrip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            end = _end_of_definitions(parse_python(program), rule)
        tokens = list(tokenize.generate_tokens(io.StringIO(program + "\n").readline))
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"Only a program that parses has segments ({error}); check it first.", kind="not_python") from error
    lines, bare = program.split("\n"), _without_comments(program, tokens)
    start = sum(segment.text.count("\n") + 1 for segment in prefix)
    if prefix and "\n".join(segment.text for segment in prefix).split("\n") != lines[:start]:
        raise DataError("The program does not begin with the lines that it was to begin with.", kind="wrong_prefix")
    if not start < end:
        raise DataError("The program ends where it was to go on, or defines nothing.", kind="wrong_prefix" if prefix else "no_definition")
    bounds = [start, *(bound for bound in _bounds(_logical_lines(tokens), rule) if start < bound < end), end]
    pieces = [Segment("\n".join(lines[a:b]), "\n".join(_kept(bare[a:b]))) for a, b in pairwise(bounds)]
    return Parts((*prefix, *pieces), "\n".join(lines[end:]).strip("\n"))


def _end_of_definitions(tree: ast.Module, rule: Rule) -> int:
    """The last line of what defines; after it only use is shown. By the published rule that is the last function or class."""
    kinds = _DEFINITIONS if rule == "prints" else (*_DEFINITIONS, *_BINDINGS)
    ends = [statement.end_lineno or 0 for statement in tree.body if isinstance(statement, kinds)]
    if not any(isinstance(statement, _DEFINITIONS) for statement in tree.body):
        # A script without functions is its own definition.
        ends += [statement.end_lineno or 0 for statement in tree.body]
    return max(ends, default=0)


def _without_comments(program: str, tokens: list[tokenize.TokenInfo]) -> list[str]:
    lines = program.split("\n")
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return lines


def _kept(lines: list[str]) -> list[str]:
    return [line.rstrip() for line in lines if line.strip()]


def _logical_lines(tokens: list[tokenize.TokenInfo]) -> list[_Line]:
    found: list[_Line] = []
    current: list[tokenize.TokenInfo] = []
    for token in tokens:
        if token.type in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            continue
        current.append(token)
        if token.type == tokenize.NEWLINE:
            found.append(_Line(token.end[0] if token.string else token.start[0], current[0].start[1], current[0].start[0], _shows(current)))
            current = []
    return found


def _shows(tokens: list[tokenize.TokenInfo]) -> bool:
    """Whether this is a print whose arguments load a name; an f-string may hold one (before Python 3.12 it is one token)."""
    if [token.string for token in tokens[:2]] != ["print", "("]:
        return False
    rest = tokens[2:]
    in_text = any(token.type == tokenize.STRING and "f" in token.string[:2].lower() and "{" in token.string for token in rest)
    return in_text or any(token.type == tokenize.NAME for token in rest)


def _bounds(lines: list[_Line], rule: Rule) -> list[int]:
    """The physical lines after which a segment ends. Comments and blank lines go with what follows them."""
    bounds, size = [], 0
    for line, following in pairwise(lines):
        size += 1
        falls = following.column < line.column
        full = line.shows and not following.shows if rule == "prints" else size >= _MOST_LINES
        if falls or full:
            bounds.append(line.end)
            size = 0
    return bounds

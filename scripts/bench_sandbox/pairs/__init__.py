"""Ordinary programs and their tests, as Markdown beside this file, and their reader.

Under a heading stand a program (`python program`), its wrong variants (`text wrong`: one replacement `old => new` a line, ⏎ for the end
of one), and tests (`python asserts`, `python check NAME`, `python pytest`, `python unittest`, `text stdio`: input, `---`, output).
Each test is paired with the program and with each variant. Which pairs pass is nowhere written: plain Python says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from code_reward.errors import DataError
from code_reward.problem import StdioTest, Test

_CASE = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(?:python|text) (\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Pair:
    """A program, right or wrong, and one test."""

    name: str
    program: str
    test: Test
    entry_point: str | None = None
    cpu_seconds: int = 10
    """After which it has failed, whoever judges."""


def read_pairs() -> list[Pair]:
    """All pairs, in the order of the files. Raises `DataError` for a replacement that changes nothing."""
    return [pair for path in sorted(Path(__file__).parent.glob("*.md")) for pair in _read(path)]


def _read(path: Path) -> Iterator[Pair]:
    _, *parts = _CASE.split(path.read_text(encoding="utf-8"))
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        blocks = _BLOCK.findall(text)
        program = next(body for kind, _, body in blocks if kind == "program")
        wrongs = [line for kind, _, body in blocks if kind == "wrong" for line in body.splitlines()]
        variants = {"right": program, **{f"wrong {n}": _replace(program, line, title) for n, line in enumerate(wrongs, 1)}}
        tests = [(kind, name, body) for kind, name, body in blocks if kind not in ("program", "wrong")]
        for number, (kind, name, body) in enumerate(tests, 1):
            for variant, source in variants.items():
                yield Pair(f"{path.stem}: {title}, test {number} ({kind}), {variant}", source, _test(kind, body), name or None)


def _replace(program: str, line: str, title: str) -> str:
    old, _, new = line.replace("⏎", "\n").partition(" =>")
    changed = program.replace(old, new[1:], 1)
    if not old or changed == program:
        raise DataError(f"{title!r}: the replacement {line!r} changes nothing; correct it.")
    return changed


def _test(kind: str, body: str) -> Test:
    if kind == "stdio":
        stdin, _, stdout = body.partition("---\n")
        return StdioTest(stdin=stdin, stdout=stdout)
    return TypeAdapter[Test](Test).validate_python({"kind": kind, "code": body})

"""`mutate` and `mutants`: wrong versions of a right program, made by the mistakes that people and models make.

A mutant is different text, not always a different function: whether it is wrong is for execution to say. Text is normalised by
`ast.unparse`; a reference that is shown beside its mutants must be normalised too (`normalise`), or formatting tells right from wrong.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from code_reward.errors import DataError
from code_reward.parsing import PARSE_ERRORS, parse_python
from data_prep.mutants.edits import Edit, find_edits
from data_prep.mutants.expressions import EXPRESSION_OPERATORS
from data_prep.mutants.statements import BLOCK_OPERATORS

OPERATORS = (*EXPRESSION_OPERATORS, *BLOCK_OPERATORS)


@dataclass(frozen=True)
class Mutant:
    """A changed program and the names of the operators that changed it, in order."""

    program: str
    operators: tuple[str, ...]


def normalise(program: str) -> str | None:
    """The program as `ast.unparse` writes it, without comments; None for one that it cannot write.

    Raises:
        `DataError`: the program is not Python.
    """
    return _write(_parse(program))


def mutate(program: str, draw: Random) -> Mutant | None:
    """One mutant of one change, its kind drawn first and then its place; None where the program leaves nothing to change.

    Raises:
        `DataError`: the program is not Python.
    """
    return next(_steps(program, draw), None)


def mutants(program: str, limit: int, seed: int) -> list[Mutant]:
    """Up to `limit` distinct mutants: those of one change, the operators in turn, then those of two.

    The same arguments give the same mutants. Fewer where the program has fewer, none for one that `ast.unparse` cannot write.

    Raises:
        `DataError`: the program is not Python.
    """
    original = normalise(program)
    seen = {original}
    found: list[Mutant] = []
    # Seeded with the program too, or the first mutants of all programs would be of the same kinds.
    for mutant in _candidates(program, Random(f"{seed}/{original}")):
        if len(found) >= limit:
            break
        if mutant.program not in seen:
            seen.add(mutant.program)
            found.append(mutant)
    return found


def _candidates(program: str, draw: Random) -> Iterator[Mutant]:
    single = []
    for mutant in _steps(program, draw):
        single.append(mutant)
        yield mutant
    for first in single:
        second = next(_steps(first.program, draw), None)
        if second is not None:
            yield Mutant(second.program, first.operators + second.operators)


def _steps(program: str, draw: Random) -> Iterator[Mutant]:
    """All single changes, in random order, the operators in turn."""
    tree = _parse(program)
    original = _write(tree)
    if original is None:
        return
    for edit in _in_turn(find_edits(tree, EXPRESSION_OPERATORS, BLOCK_OPERATORS), draw):
        with edit.applied():
            text = _write(tree)
        if text is not None and text != original and _compiles(text):
            yield Mutant(text, (edit.operator,))


def _in_turn(edits: list[Edit], draw: Random) -> Iterator[Edit]:
    queues: dict[str, list[Edit]] = {}
    for edit in edits:
        queues.setdefault(edit.operator, []).append(edit)
    for queue in queues.values():
        draw.shuffle(queue)
    while queues:
        for name in draw.sample(sorted(queues), len(queues)):
            yield queues[name].pop()
            if not queues[name]:
                del queues[name]


def _parse(program: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return parse_python(program)
    except PARSE_ERRORS as error:
        raise DataError(f"Only a program that parses can be mutated ({error}); check it first.", kind="not_python") from error


def _write(tree: ast.Module) -> str | None:
    """The text of a tree as a second reading of it would write it; None for what `ast.unparse` cannot write (deep nesting, an f-string
    with a backslash before Python 3.12)."""
    try:
        return ast.unparse(parse_python(ast.unparse(tree)))
    except PARSE_ERRORS:
        return None


def _compiles(program: str) -> bool:
    """Whether the program is Python to the compiler too: a moved `break` or `return` may stand where none is allowed, and `x is 1`,
    which nobody writes, comes of a wrong constant."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.filterwarnings("error", '"is', SyntaxWarning)
            compile(program, "mutant", "exec", dont_inherit=True)
    except PARSE_ERRORS:
        return False
    return True

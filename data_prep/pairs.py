"""Preference pairs from labelled programs: `python -m data_prep.pairs --labelled F --out F`.

A pair sets a right program of a problem above a wrong one of the same problem. Some problems could give thousands of pairs and a few
origins give most of the programs; so pairs are capped per problem and per program, and drawn from the origins of wrong programs in turn.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.reward_data import LabelledProgram, Pair
from code_reward.rows import at_least_one, read_all, write_rows

# More programs of one side than this add nothing to a problem's few pairs.
MOST_PER_SIDE = 128


class OfProblem(Protocol):
    """Any row that says which problem it belongs to."""

    problem_id: str


Row = TypeVar("Row", bound=OfProblem)
Couple = tuple[LabelledProgram, LabelledProgram]


def make_pairs(
    labelled: Sequence[LabelledProgram], per_problem: int, seed: int, *, per_program: int = 4, hard_negatives: bool = False
) -> list[Pair]:
    """Pair right with wrong programs, problem by problem.

    Args:
        labelled: Rows of any problems. Equal programs of a problem count once; one that is labelled both right and wrong not at all.
        per_problem: Most pairs of a problem.
        seed: Seed of the draw; a problem's pairs depend on its own rows and the seed alone.
        per_program: Most pairs that one program may be in. Programs that are in few pairs yet go first.
        hard_negatives: Take the pairs whose programs are most alike, instead of random ones.

    Returns:
        Pairs in the order of the problems' first rows.
    """
    pairs = []
    for problem_id, rows in _by_problem(labelled).items():
        right, wrong = _distinct(rows)
        draw = Random(f"{seed}/{problem_id}")
        queues = _couples(right, wrong, draw, hard_negatives)
        pairs += [_pair(chosen, rejected) for chosen, rejected in islice(_capped(queues, per_program), per_problem)]
    return pairs


def split_by_problem(rows: Sequence[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Part rows so that no problem is on both sides; the first side gets `share` of the problems (rounded), whatever the rows' order."""
    first = draw_problems((row.problem_id for row in rows), share, seed)
    return [row for row in rows if row.problem_id in first], [row for row in rows if row.problem_id not in first]


def draw_problems(ids: Iterable[str], share: float, seed: int) -> set[str]:
    """`share` of the problems (rounded), the same ones whatever the order of `ids`, which may repeat themselves."""
    ranked = sorted(set(ids), key=lambda problem_id: hashlib.sha256(f"{seed}/{problem_id}".encode("utf-8", "surrogatepass")).digest())
    return set(ranked[: round(share * len(ranked))])


def _by_problem(rows: Iterable[LabelledProgram]) -> dict[str, list[LabelledProgram]]:
    groups: dict[str, list[LabelledProgram]] = {}
    for row in rows:
        groups.setdefault(row.problem_id, []).append(row)
    return groups


def _distinct(rows: Iterable[LabelledProgram]) -> tuple[list[LabelledProgram], list[LabelledProgram]]:
    """Right and wrong programs, each text once; rejected answers, which have no program, are left out."""
    verdicts: dict[str, dict[bool, LabelledProgram]] = {}
    for row in rows:
        if row.program.strip():
            verdicts.setdefault(row.program.strip(), {}).setdefault(row.passed, row)
    clear = [row for rows in verdicts.values() if len(rows) == 1 for row in rows.values()]
    return [row for row in clear if row.passed], [row for row in clear if not row.passed]


def _couples(right: Sequence[LabelledProgram], wrong: Sequence[LabelledProgram], draw: Random, hard: bool) -> list[list[Couple]]:
    """For each origin of wrong programs, its couples in the order of preference."""
    some = draw.sample(right, min(len(right), MOST_PER_SIDE))
    queues = []
    for origin in sorted({row.origin for row in wrong}):
        others = [row for row in wrong if row.origin == origin]
        couples = list(product(some, draw.sample(others, min(len(others), MOST_PER_SIDE))))
        draw.shuffle(couples)
        queues.append(_most_alike_first(couples) if hard else couples)
    return queues


def _capped(queues: Sequence[Sequence[Couple]], per_program: int) -> Iterator[Couple]:
    """Couples from all queues in turn, first those of programs that are in none yet, then those of programs that are in one, …"""
    uses: Counter[str] = Counter()
    taken: set[tuple[str, str]] = set()
    for allowed in range(1, per_program + 1):
        turns = [iter(queue) for queue in queues]
        while turns:
            for turn in list(turns):
                couple = next((c for c in turn if _texts(c) not in taken and all(uses[text] < allowed for text in _texts(c))), None)
                if couple is None:
                    turns.remove(turn)
                    continue
                taken.add(_texts(couple))
                uses.update(_texts(couple))
                yield couple


def _texts(couple: Couple) -> tuple[str, str]:
    return couple[0].program, couple[1].program


def _most_alike_first(couples: Sequence[Couple]) -> list[Couple]:
    grams = {text: _trigrams(text) for couple in couples for text in _texts(couple)}

    def likeness(couple: Couple) -> float:
        a, b = (grams[text] for text in _texts(couple))
        return len(a & b) / max(len(a | b), 1)

    return sorted(couples, key=likeness, reverse=True)


def _trigrams(program: str) -> set[tuple[str, ...]]:
    tokens = re.findall(r"\w+|[^\w\s]", program)
    return set(zip(tokens, tokens[1:], tokens[2:], strict=False))


def _pair(chosen: LabelledProgram, rejected: LabelledProgram) -> Pair:
    return Pair(
        problem_id=chosen.problem_id,
        statement=chosen.statement,
        entry_point=chosen.entry_point,
        chosen=chosen.program,
        rejected=rejected.program,
        origin=rejected.origin,
        group=chosen.group,
    )


def _why_none(rows: Sequence[LabelledProgram]) -> str:
    sides = [_distinct(group) for group in _by_problem(rows).values()]
    right, wrong = (sum(bool(side[place]) for side in sides) for place in (0, 1))
    return f"of {len(sides)} problems {right} have a right program, {wrong} a wrong one, and none has both"


class Pairs(Command):
    """Make preference pairs from labelled programs."""

    labelled: list[Path]
    """Labelled programs; several files are put together."""
    out: Path
    """File for the pairs."""
    per_problem: int = Field(default=16, gt=0)
    """Most pairs of a problem."""
    per_program: int = Field(default=4, gt=0)
    """Most pairs that one program is in."""
    hard_negatives: bool = False
    """Pair programs that are alike, instead of random ones."""
    seed: int = 0
    """Seed of the draw."""


def main(settings: Pairs) -> None:
    """Make the pairs and say how many problems have any."""
    rows = read_all(settings.labelled, LabelledProgram)
    pairs = make_pairs(rows, settings.per_problem, settings.seed, per_program=settings.per_program, hard_negatives=settings.hard_negatives)
    write_rows(settings.out, at_least_one(pairs, f"No pairs: {_why_none(rows)}; label more programs per problem."))
    problems = len({row.problem_id for row in rows})
    print(f"{len(pairs)} pairs from {len({pair.problem_id for pair in pairs})} of {problems} problems: {settings.out}")


if __name__ == "__main__":
    run(Pairs, main)

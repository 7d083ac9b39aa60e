"""From search trees to reward data: `python -m data_prep.conversions --trees DIR --out DIR`.

Prefix rows are for regression, pair rows for the Bradley-Terry loss, both as published (CodeRM-NT) and with what the published rows lack:
how many judgements stand behind a value, how far the judge agreed with itself, how large a pair's gap is. Validation rows are of other
problems than training rows. Beside the four parquet files lies `report.md`, for a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.files import write_text
from code_reward.reward_data import Pair, Prefix
from code_reward.rows import writing_rows
from data_prep.pairs import draw_problems

if TYPE_CHECKING:
    from data_prep.search.records import NodeRecord, RolloutRecord, TreeRecord


def make_prefixes(tree: TreeRecord, *, per_path: bool = False) -> list[Prefix]:
    """One row per visited node that a usable answer passes through; its text is that of the first such answer.

    Args:
        tree: A finished tree.
        per_path: As published: one row per node *and* path through it, so that a prefix comes as often as it has answers.
    """
    rows: dict[tuple[int, int], Prefix] = {}
    for leaf, rollout in _usable(tree):
        for node in tree.path(leaf):
            key = (node.id, leaf if per_path else 0)
            if key not in rows and node.visits:
                rows[key] = _prefix(tree, node, rollout)
    return list(rows.values())


def make_pairs(
    tree: TreeRecord,
    *,
    least_gap: float = 0.0,
    complete: bool = False,
    margin_scale: float = 0.0,
    most: int | None = None,
    seed: int = 0,
) -> list[Pair]:
    """Preferences between nodes of one tree: leaves and nodes with several children, neither above the other, of different value.

    Args:
        tree: A finished tree.
        least_gap: Leave out pairs whose values differ by no more than this; 0 as published.
        complete: Only between whole programs.
        margin_scale: A pair's margin, in logits, per unit of its gap.
        most: Draw at most so many.
        seed: Seed of that draw.

    Returns:
        Pairs whose weight is the lesser of the two agreements; extra columns `gap` and `visits` (the lesser).
    """
    answers: dict[int, RolloutRecord] = {}
    for leaf, rollout in _usable(tree):
        for node in tree.path(leaf):
            answers.setdefault(node.id, rollout)
    children = [node.parent for node in tree.nodes]
    candidates = [
        node
        for node in tree.nodes[1:]
        if node.id in answers and node.visits and (node.terminal or (not complete and children.count(node.id) > 1))
    ]
    above = {node.id: {one.id for one in tree.path(node.id)} for node in candidates}
    couples = [
        (a, b) if a.mean > b.mean else (b, a)
        for a, b in combinations(candidates, 2)
        if abs(a.mean - b.mean) > least_gap and a.id not in above[b.id] and b.id not in above[a.id]
    ]
    if most is not None and len(couples) > most:
        couples = Random(f"{seed}/{tree.problem_id}").sample(couples, most)
    return [_pair(tree, better, worse, answers, margin_scale) for better, worse in couples]


def _usable(tree: TreeRecord) -> Iterator[tuple[int, RolloutRecord]]:
    """Leaves with the answer that first gave them; an answer in which the program does not stand as it is, is of no use."""
    by_number = {rollout.number: rollout for rollout in tree.rollouts}
    for leaf, number in tree.leaves.items():
        rollout = by_number[number]
        if "\n".join(segment.text for segment in rollout.segments) in rollout.response:
            yield leaf, rollout


def _prefix(tree: TreeRecord, node: NodeRecord, rollout: RolloutRecord) -> Prefix:
    program, response = _beginning(tree, node, rollout)
    return Prefix(
        problem_id=tree.problem_id,
        statement=tree.statement,
        entry_point=tree.entry_point,
        program=program,
        response=response,
        complete=node.terminal,
        value=min(node.mean, 1.0),
        visits=node.visits,
        agreement=min(node.agreement / node.visits, 1.0),
        group=tree.group,
    )


def _beginning(tree: TreeRecord, node: NodeRecord, rollout: RolloutRecord) -> tuple[str, str]:
    """The program up to and with a node, and the answer up to there: the whole answer if the program ends with it."""
    program = "\n".join(segment.text for segment in rollout.segments[: len(tree.path(node.id))])
    if node.terminal:
        return program, rollout.response
    whole = "\n".join(segment.text for segment in rollout.segments)
    return program, rollout.response[: rollout.response.rindex(whole) + len(program)]


def _pair(tree: TreeRecord, better: NodeRecord, worse: NodeRecord, answers: Mapping[int, RolloutRecord], margin_scale: float) -> Pair:
    gap = better.mean - worse.mean
    sides: dict[str, str | bool] = {}
    for side, node in (("chosen", better), ("rejected", worse)):
        sides[side], sides[f"{side}_response"] = _beginning(tree, node, answers[node.id])
        sides[f"{side}_complete"] = node.terminal
    return Pair.model_validate(
        {
            "problem_id": tree.problem_id,
            "statement": tree.statement,
            "entry_point": tree.entry_point,
            **sides,
            "origin": "search",
            "weight": min(1.0, *(node.agreement / node.visits for node in (better, worse))),
            "margin": margin_scale * gap,
            "group": tree.group,
            "gap": gap,
            "visits": min(better.visits, worse.visits),
        }
    )


FILES = [f"{kind}.{side}" for kind in ("prefixes", "pairs") for side in ("train", "valid")]


class Conversions(Command):
    """Turn a search's trees into prefix rows, pair rows and a report."""

    trees: Path
    """Folder of a search, or of its shards."""
    out: Path
    """Folder for prefixes.{train,valid}.parquet, pairs.{train,valid}.parquet and report.md."""
    validation: float = Field(default=0.05, ge=0, lt=1)
    """Share of the problems whose rows are for validation."""
    least_gap: float = Field(default=0.0, ge=0, le=1)
    """Pairs must differ in value by more than this."""
    complete: bool = False
    """Only pairs of whole programs."""
    margin_scale: float = Field(default=0.0, ge=0)
    """Margin of a pair, in logits, per unit of its gap."""
    per_problem: int | None = None
    """Most pairs of a problem; all if not given."""
    per_path: bool = False
    """A prefix row per path through it, as published, instead of one."""
    seed: int = 0
    """Seed of the split and of the draw of pairs."""


def main(settings: Conversions) -> None:
    """Convert tree by tree, write, and say where."""
    from data_prep.search.report import Tally
    from data_prep.search.run import read_trees

    tally = Tally()
    # Two passes, and no more than one tree in memory at a time: which problems are for validation depends on all of them.
    apart = draw_problems((tree.problem_id for tree in read_trees(settings.trees) if tree.leaves), settings.validation, settings.seed)
    with ExitStack() as stack:
        files = {name: stack.enter_context(writing_rows(settings.out / f"{name}.parquet")) for name in FILES}
        for tree in tally.count(read_trees(settings.trees)):
            side = "valid" if tree.problem_id in apart else "train"
            made: dict[str, Sequence[Prefix | Pair]] = {"prefixes": _prefixes(tree, settings), "pairs": _pairs(tree, settings)}
            for kind, rows in made.items():
                tally.count_rows(f"{kind}.{side}", rows)
                for row in rows:
                    files[f"{kind}.{side}"](row)
    write_text(settings.out / "report.md", tally.to_markdown())
    total = {kind: sum(count for name, count in tally.files.items() if name.startswith(kind)) for kind in ("prefixes", "pairs")}
    if not any(total.values()):
        raise DataError(f"No row came of {tally.trees} trees; {settings.out / 'report.md'} says what became of their rollouts.")
    print(f"{total['prefixes']} prefix rows and {total['pairs']} pairs of {tally.trees} trees: {settings.out}")


def _prefixes(tree: TreeRecord, settings: Conversions) -> list[Prefix]:
    return make_prefixes(tree, per_path=settings.per_path)


def _pairs(tree: TreeRecord, settings: Conversions) -> list[Pair]:
    return make_pairs(
        tree,
        least_gap=settings.least_gap,
        complete=settings.complete,
        margin_scale=settings.margin_scale,
        most=settings.per_problem,
        seed=settings.seed,
    )


if __name__ == "__main__":
    run(Conversions, main)

"""`Tally`: what a run's trees amount to, told to a person in markdown: counts, failures by kind, histograms, examples to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from code_reward.reward_data import Pair, Prefix
from data_prep.search.records import RolloutRecord, TreeRecord

_BINS = 10
_BAR = 40
_EXAMPLES = 3


@dataclass
class Tally:
    """Counts over trees; feed it by `count`."""

    trees: int = 0
    without_signal: int = 0
    tree_failures: Counter[str] = field(default_factory=Counter)
    rollouts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """How judged programs failed, as far as the judge knows."""
    junk: Counter[str] = field(default_factory=Counter)
    templates: Counter[str] = field(default_factory=Counter)
    leaf_values: Counter[int] = field(default_factory=Counter)
    prefix_values: Counter[int] = field(default_factory=Counter)
    agreements: Counter[int] = field(default_factory=Counter)
    """Of these three only the tenth that a value lies in is kept: there may be millions."""
    gaps: Counter[int] = field(default_factory=Counter)
    """Of pairs, between the values of the two sides."""
    sizes: Counter[int] = field(default_factory=Counter)
    """How many whole programs a tree has."""
    files: Counter[str] = field(default_factory=Counter)
    """Rows by file."""
    examples: list[Pair] = field(default_factory=list)
    """Pairs drawn from all, each with the same chance."""
    _draw: Random = field(default_factory=lambda: Random(0))
    _pairs: int = 0

    def count(self, trees: Iterable[TreeRecord]) -> Iterator[TreeRecord]:
        """Pass the trees on, counted."""
        for tree in trees:
            self._add(tree)
            yield tree

    def count_rows(self, file: str, rows: Sequence[Prefix | Pair]) -> None:
        """Count rows that go to `file`."""
        self.files[file] += len(rows)
        for row in rows:
            if isinstance(row, Pair):
                self._add_pair(row)

    def _add_pair(self, pair: Pair) -> None:
        self.gaps[_bin(float((pair.model_extra or {}).get("gap", 0.0)))] += 1
        self._pairs += 1
        place = len(self.examples) if len(self.examples) < _EXAMPLES else self._draw.randrange(self._pairs)
        if place < _EXAMPLES:
            self.examples[place : place + 1] = [pair]

    def _add(self, tree: TreeRecord) -> None:
        self.trees += 1
        if tree.failure is not None:
            self.tree_failures[tree.failure.kind] += 1
            return
        for rollout in tree.rollouts:
            self._add_rollout(rollout)
        self.sizes[len(tree.leaves)] += 1
        self.without_signal += not tree.has_signal
        for node in tree.nodes[1:]:
            (self.leaf_values if node.terminal else self.prefix_values)[_bin(node.mean)] += 1

    def _add_rollout(self, rollout: RolloutRecord) -> None:
        self.rollouts[f"failed: {rollout.failure.kind}" if rollout.failure else f"judged ({rollout.action})"] += 1
        self.junk["policy"] += rollout.junk
        self.templates[rollout.template or "(none)"] += 1
        if rollout.judgement is not None:
            self.junk["judge"] += rollout.judgement.junk
            self.templates[rollout.judgement.template or "(judge without a prompt)"] += 1
            self.agreements[_bin(rollout.judgement.agreement)] += 1
            self.failures[rollout.judgement.failure or "(none)"] += 1

    def to_markdown(self) -> str:
        """The report."""
        searched = self.trees - sum(self.tree_failures.values())
        parts = [
            "# Reward data from search trees",
            f"{self.trees} trees, {searched} of them with rollouts; {self.without_signal} of these "
            f"({self.without_signal / max(searched, 1):.1%}) without signal: all their programs have the same value.",
            _table("Rows", ["file", "rows"], list(self.files.items())),
            _table("Trees without rollouts", ["why", "trees"], self.tree_failures.most_common()),
            _table("Rollouts", ["what became of them", "rollouts"], self.rollouts.most_common()),
            _table("Replies that could not be used (and were asked for again)", ["of", "replies"], self.junk.most_common()),
            _table("How judged programs failed", ["how", "programs"], self.failures.most_common()),
            _table("Prompts", ["template", "uses"], self.templates.most_common()),
            _table("Whole programs per tree", ["programs", "trees"], sorted(self.sizes.items())),
            _histogram("Values of whole programs", self.leaf_values),
            _histogram("Values of prefixes", self.prefix_values),
            _histogram("Agreement of the judge with itself", self.agreements),
            _histogram("Gaps between the two sides of a pair", self.gaps),
            *map(_example, self.examples),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]
    return f"## {title}\n\n" + "\n".join(lines)


def _bin(value: float) -> int:
    return min(int(value * _BINS), _BINS - 1)


def _histogram(title: str, counts: Counter[int]) -> str:
    if not counts:
        return ""
    most = max(counts.values())
    lines = [f"{place / _BINS:.1f}  {'#' * round(_BAR * counts[place] / most):<{_BAR}}  {counts[place]}" for place in range(_BINS)]
    return f"## {title}\n\n```\n" + "\n".join(lines) + "\n```"


def _example(pair: Pair) -> str:
    gap = (pair.model_extra or {}).get("gap", 0.0)
    parts = [f"## A pair of {pair.problem_id}, gap {gap:.2f}", _block(pair.statement[:1500])]
    return "\n\n".join([*parts, "Better:", _block(pair.chosen), "Worse:", _block(pair.rejected)])


def _block(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n")

"""`Tally`: what a run's trees amount to, told to a person in markdown: counts, failures by kind, histograms, examples to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from code_reward.reward_data import Pair
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
    leaf_values: list[float] = field(default_factory=list)
    prefix_values: list[float] = field(default_factory=list)
    agreements: list[float] = field(default_factory=list)
    sizes: Counter[int] = field(default_factory=Counter)
    """How many whole programs a tree has."""
    files: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, trees: Iterable[TreeRecord]) -> Iterator[TreeRecord]:
        """Pass the trees on, counted."""
        for tree in trees:
            self._add(tree)
            yield tree

    def _add(self, tree: TreeRecord) -> None:
        self.trees += 1
        if tree.failure is not None:
            self.tree_failures[tree.failure.kind] += 1
            return
        for rollout in tree.rollouts:
            self._add_rollout(rollout)
        self.sizes[len(tree.leaves)] += 1
        self.without_signal += len({tree.nodes[leaf].mean for leaf in tree.leaves}) < 2
        for node in tree.nodes[1:]:
            (self.leaf_values if node.terminal else self.prefix_values).append(node.mean)

    def _add_rollout(self, rollout: RolloutRecord) -> None:
        self.rollouts[f"failed: {rollout.failure.kind}" if rollout.failure else f"judged ({rollout.action})"] += 1
        self.junk["policy"] += rollout.junk
        self.templates[rollout.template or "(none)"] += 1
        if rollout.judgement is not None:
            self.junk["judge"] += rollout.judgement.junk
            self.templates[rollout.judgement.template or "(judge without a prompt)"] += 1
            self.agreements.append(rollout.judgement.agreement)
            self.failures[rollout.judgement.failure or "(none)"] += 1

    def to_markdown(self, pairs: Sequence[Pair]) -> str:
        """The report."""
        searched = self.trees - sum(self.tree_failures.values())
        parts = [
            "# Reward data from search trees",
            f"{self.trees} trees, {searched} of them with rollouts; {self.without_signal} of these "
            f"({self.without_signal / max(searched, 1):.1%}) without signal: all their programs have the same value.",
            _table("Rows", ["file", "training", "validation"], [(name, *counts) for name, counts in self.files.items()]),
            _table("Trees without rollouts", ["why", "trees"], self.tree_failures.most_common()),
            _table("Rollouts", ["what became of them", "rollouts"], self.rollouts.most_common()),
            _table("Replies that could not be used (and were asked for again)", ["of", "replies"], self.junk.most_common()),
            _table("How judged programs failed", ["how", "programs"], self.failures.most_common()),
            _table("Prompts", ["template", "uses"], self.templates.most_common()),
            _table("Whole programs per tree", ["programs", "trees"], sorted(self.sizes.items())),
            _histogram("Values of whole programs", self.leaf_values),
            _histogram("Values of prefixes", self.prefix_values),
            _histogram("Agreement of the judge with itself", self.agreements),
            *_examples(pairs),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]
    return f"## {title}\n\n" + "\n".join(lines)


def _histogram(title: str, values: Sequence[float]) -> str:
    if not values:
        return ""
    counts = Counter(min(int(value * _BINS), _BINS - 1) for value in values)
    most = max(counts.values())
    lines = [f"{place / _BINS:.1f}  {'#' * round(_BAR * counts[place] / most):<{_BAR}}  {counts[place]}" for place in range(_BINS)]
    return f"## {title}\n\n```\n" + "\n".join(lines) + "\n```"


def _examples(pairs: Sequence[Pair]) -> list[str]:
    """Pairs spread over the file."""
    step = max(len(pairs) // _EXAMPLES, 1)
    return [_example(pair) for pair in pairs[::step][:_EXAMPLES]]


def _example(pair: Pair) -> str:
    gap = (pair.model_extra or {}).get("gap", 0.0)
    parts = [f"## A pair of {pair.problem_id}, gap {gap:.2f}", _block(pair.statement[:1500])]
    return "\n\n".join([*parts, "Better:", _block(pair.chosen), "Worse:", _block(pair.rejected)])


def _block(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n")

"""`Tree`: nodes with their values; selection, expansion, back-propagation. Knows nothing of policies, judges, files or time.

The same records give the same tree: everything that is drawn is drawn from the rollout's number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from data_prep.search.recipe import Recipe
from data_prep.search.records import Action, NodeRecord, RolloutRecord
from data_prep.search.segments import Segment

ROOT = 0


@dataclass
class Node:
    """A segment after those of its ancestors; a `terminal` one ends a whole program."""

    id: int
    parent: int | None
    segment: Segment
    terminal: bool
    room: int
    """How many more paths may pass before selection goes below."""
    visits: int = 0
    value: float = 0.0
    agreement: float = 0.0
    pending: int = 0
    """Rollouts under way below it: they count as visits that were worth nothing (virtual loss)."""
    children: list[int] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return self.value / self.visits if self.visits else 0.0


@dataclass(frozen=True)
class Plan:
    """What one rollout is to do: go on from `node`, having been shown the leaf `attempt`."""

    number: int
    node: int
    action: Action
    attempt: int | None = None


class Tree:
    """One problem's tree.

    Args:
        recipe: How it grows.
        seed: Of everything that is drawn; make it depend on the problem.
    """

    def __init__(self, recipe: Recipe, seed: str) -> None:
        self._recipe = recipe
        self._seed = seed
        self.nodes = [Node(ROOT, None, Segment("", ""), terminal=False, room=recipe.branching)]
        self.leaves: dict[int, RolloutRecord] = {}
        """The first record of each whole program, by its node."""
        self.stale = 0
        """Rollouts in a row that brought no new program."""
        self._shown: set[int] = set()
        self._queue: list[int] = []

    def plan(self, number: int) -> Plan | None:
        """Select for rollout `number`, and mark the path as under way; None when every node is full and nothing may be judged again."""
        draw = Random(f"{self._seed}/{number}")
        node = self.nodes[self._select(draw)] if self.leaves else self.nodes[ROOT]
        if not node.terminal and not self._open(node):
            return None
        for passed in self.path(node.id):
            passed.pending += 1
        if node.terminal:
            return Plan(number, node.id, "rejudge")
        attempt = self._choose_attempt(node.id) if self._recipe.reflection else None
        return Plan(number, node.id, "start" if node.id == ROOT else "continue", attempt)

    def back_up(self, plan: Plan, record: RolloutRecord) -> None:
        """Take in a finished rollout. One without a judgement leaves no trace but its record."""
        for passed in self.path(plan.node):
            passed.pending -= 1
        if record.judgement is None:
            self.stale += 1
            return
        leaf, new = self._add([Segment(one.text, one.key) for one in record.segments])
        self.stale = 0 if new else self.stale + 1
        self.leaves.setdefault(leaf, record)
        if record.attempt is not None:
            self._shown.add(record.attempt)
        for passed in self.path(leaf):
            passed.visits += 1
            passed.value += record.judgement.correctness
            passed.agreement += record.judgement.agreement
            if record.action != "rejudge" and (new or self._recipe.duplicates_take_width):
                passed.room -= 1
        if len(self.leaves) == 1 and new and self._recipe.initial_chain_first:
            self._queue = [one.id for one in self.path(leaf) if one.id != ROOT and not one.terminal]

    def path(self, node: int) -> list[Node]:
        """From the root to `node`."""
        found: list[Node] = []
        place: int | None = node
        while place is not None:
            found.append(self.nodes[place])
            place = self.nodes[place].parent
        return found[::-1]

    def prefix(self, node: int) -> tuple[Segment, ...]:
        """The segments of the program so far."""
        return tuple(one.segment for one in self.path(node)[1:])

    def any_leaf(self, number: int) -> int | None:
        """A leaf to judge again in place of rollout `number`, which failed."""
        return Random(f"{self._seed}/{number}/again").choice(sorted(self.leaves)) if self.leaves else None

    def to_records(self) -> list[NodeRecord]:
        return [
            NodeRecord(
                id=one.id,
                parent=one.parent,
                text=one.segment.text,
                terminal=one.terminal,
                visits=one.visits,
                value=one.value,
                agreement=one.agreement,
            )
            for one in self.nodes
        ]

    # Selection

    def _select(self, draw: Random) -> int:
        while self._queue:
            first = self._queue.pop(0)
            if self._open(self.nodes[first]):
                return first
        if not self._recipe.uct:
            return draw.choice([one.id for one in self.nodes if self._open(one)] or [ROOT])
        node = self.nodes[ROOT]
        while not node.terminal and not self._open(node):
            below = [self.nodes[child] for child in node.children if self._selectable(self.nodes[child])]
            if not below:
                return node.id
            parent = node
            node = max(below, key=lambda child: (self._uct(parent, child), -child.id))
        return node.id

    def _open(self, node: Node) -> bool:
        return not node.terminal and node.room - node.pending > 0

    def _selectable(self, node: Node) -> bool:
        """Whether anything can still be done at or below this node."""
        if node.terminal:
            return self._recipe.rejudge
        return self._open(node) or any(self._selectable(self.nodes[child]) for child in node.children)

    def _uct(self, parent: Node, child: Node) -> float:
        visits = child.visits + child.pending
        if visits == 0:
            return math.inf
        return child.value / visits + self._recipe.exploration * math.sqrt(math.log(max(parent.visits + parent.pending, 1)) / visits)

    def _choose_attempt(self, node: int) -> int | None:
        """The worst leaf below `node` that was not shown yet; when all were, the best."""
        below = [leaf for leaf in sorted(self.leaves) if any(one.id == node for one in self.path(leaf))]
        unused = [leaf for leaf in below if leaf not in self._shown]
        if unused:
            chosen = min(unused, key=lambda leaf: self.nodes[leaf].mean)
            # At once: the next rollout of the same wave is shown another one.
            self._shown.add(chosen)
            return chosen
        return max(below, key=lambda leaf: self.nodes[leaf].mean, default=None)

    # Expansion

    def _add(self, segments: list[Segment]) -> tuple[int, bool]:
        """Follow or make the nodes of a whole program; its leaf, and whether that is new."""
        node, new = self.nodes[ROOT], False
        for place, segment in enumerate(segments):
            terminal = place == len(segments) - 1
            same = [self.nodes[c] for c in node.children if (self.nodes[c].segment.key, self.nodes[c].terminal) == (segment.key, terminal)]
            new = not same
            if new:
                child = Node(len(self.nodes), node.id, segment, terminal, self._recipe.branching)
                self.nodes.append(child)
                node.children.append(child.id)
                node = child
            else:
                node = same[0]
        return node.id, new

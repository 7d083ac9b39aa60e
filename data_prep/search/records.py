"""What a search leaves behind: one `RolloutRecord` per finished rollout, one `TreeRecord` per finished tree."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from data_prep.judges import Judgement

Action = Literal["start", "continue", "rejudge"]


class Failure(BaseModel):
    """Why something has no value; `kind` is the error's, e.g. `unparsable`, `timeout`, `bad_reference`."""

    kind: str
    message: str


class SegmentRecord(BaseModel):
    """See `Segment`."""

    text: str
    key: str


class RolloutRecord(BaseModel):
    """One rollout: where it began, what was written, what was said of it. Without a judgement it has a failure, and counts nowhere."""

    problem_id: str
    number: int
    """From 1, the initial rollout."""
    node: int
    """The node that was selected."""
    action: Action
    attempt: int | None = None
    """The leaf whose program the policy was shown to do better than."""
    segments: list[SegmentRecord] = []
    """The whole path from the root."""
    suffix: str = ""
    response: str = ""
    """What the policy wrote, prose and fences included."""
    template: str = ""
    """Name and version of the policy's prompt, or the name of an offline policy."""
    judgement: Judgement | None = None
    failure: Failure | None = None
    junk: int = Field(default=0, ge=0)
    """Replies of the policy that held no usable program."""


class NodeRecord(BaseModel):
    """A node at the end; `value` is the sum of its visits' judgements (Q), `visits` their number (N)."""

    id: int
    parent: int | None
    text: str
    terminal: bool
    visits: int
    value: float
    agreement: float
    """The sum of its visits' agreements."""

    @property
    def mean(self) -> float:
        """Q/N; only for a node that was visited."""
        return self.value / self.visits


class TreeRecord(BaseModel):
    """A finished tree with everything needed to make reward data of it, or the reason why there is none."""

    problem_id: str
    statement: str
    entry_point: str | None = None
    group: str = ""
    recipe: str = ""
    nodes: list[NodeRecord] = []
    leaves: dict[int, int] = {}
    """The number of the rollout that first gave each whole program, by its node."""
    rollouts: list[RolloutRecord] = []
    failure: Failure | None = None

    @property
    def has_signal(self) -> bool:
        """Whether two of its whole programs have different values."""
        return len({self.nodes[leaf].mean for leaf in self.leaves}) > 1

    def path(self, node: int) -> list[NodeRecord]:
        """The nodes from below the root to `node`."""
        found: list[NodeRecord] = []
        place: int | None = node
        while place:
            found.append(self.nodes[place])
            place = self.nodes[place].parent
        return found[::-1]

    def prefix(self, node: int) -> str:
        """The program, or the beginning of one, that ends with `node`."""
        return "\n".join(one.text for one in self.path(node))

"""`write_page` and `write_gallery`. The pages need no server, no script and no network; everything from a program or a model is escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from code_reward.files import write_text
from data_prep.search.records import NodeRecord, RolloutRecord, TreeRecord

_SHOWN = 160
"""Characters of a statement in the gallery."""


@dataclass(frozen=True)
class Page:
    """A page that was written, as the gallery shows it."""

    file: str
    problem_id: str
    statement: str
    """Its beginning."""
    values: tuple[float, ...]
    """Of the whole programs, the best first."""
    failed: int
    """Rollouts without a judgement."""
    failure: str
    """Why the tree has no rollouts; empty if it has."""
    has_signal: bool


@dataclass(frozen=True)
class _Row:
    node: NodeRecord
    depth: int
    rollouts: tuple[RolloutRecord, ...]
    """Those that ended in this node."""


def write_page(tree: TreeRecord, folder: Path) -> Page:
    """Write one tree's page into `folder`."""
    # An id may hold anything; a file name may not.
    file = f"{hashlib.sha256(tree.problem_id.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.html"
    failed = [rollout for rollout in tree.rollouts if rollout.failure is not None]
    write_text(folder / file, _template("tree.html").render(tree=tree, rows=_rows(tree), failed=failed))
    return Page(
        file=file,
        problem_id=tree.problem_id,
        statement=tree.statement[:_SHOWN],
        values=tuple(sorted((tree.nodes[leaf].mean for leaf in tree.leaves), reverse=True)),
        failed=len(failed),
        failure=tree.failure.kind if tree.failure else "",
        has_signal=tree.has_signal,
    )


def write_gallery(pages: Sequence[Page], folder: Path) -> Path:
    """Write the page that lists the others; where it lies."""
    write_text(folder / "index.html", _template("gallery.html").render(pages=pages))
    return folder / "index.html"


def _rows(tree: TreeRecord) -> list[_Row]:
    """The nodes depth first, the better child first."""
    ended: dict[int, list[RolloutRecord]] = {}
    children: dict[int, list[NodeRecord]] = {}
    for node in tree.nodes[1:]:
        children.setdefault(node.parent or 0, []).append(node)
    leaf_of = {tuple(one.key for one in rollout.segments): leaf for leaf, rollout in _first_rollouts(tree)}
    for rollout in tree.rollouts:
        leaf = leaf_of.get(tuple(one.key for one in rollout.segments))
        if leaf is not None and rollout.judgement is not None:
            ended.setdefault(leaf, []).append(rollout)
    rows, waiting = [], [(node, 0) for node in _best_last(children.get(0, []))]
    while waiting:
        node, depth = waiting.pop()
        rows.append(_Row(node, depth, tuple(ended.get(node.id, ()))))
        waiting += [(child, depth + 1) for child in _best_last(children.get(node.id, []))]
    return rows


def _first_rollouts(tree: TreeRecord) -> list[tuple[int, RolloutRecord]]:
    by_number = {rollout.number: rollout for rollout in tree.rollouts}
    return [(leaf, by_number[number]) for leaf, number in tree.leaves.items()]


def _best_last(nodes: list[NodeRecord]) -> list[NodeRecord]:
    return sorted(nodes, key=lambda node: (node.mean, -node.id))


@cache
def _template(name: str) -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).get_template(name)

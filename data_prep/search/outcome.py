"""Whether a search came to anything: some rollout of some tree was judged. A search of which every rollout failed has not succeeded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from code_reward.errors import DataError
from data_prep.search.records import Failure, TreeRecord
from data_prep.search.run import read_trees

_SHOWN = 300


def check_judged(folder: Path) -> None:
    """Look through the finished trees of a run and all its parts, up to the first that has a judged rollout.

    Raises:
        DataError: There is none; says how the rollouts and trees failed, and the last failure's own words.
    """
    failures: Counter[str] = Counter()
    said = ""
    for tree in read_trees(folder):
        if any(rollout.judgement is not None for rollout in tree.rollouts):
            return
        for failure in _failures(tree):
            failures[failure.kind] += 1
            said = failure.message
    causes = ", ".join(f"{kind} {count}" for kind, count in failures.most_common()) or "there is no finished tree"
    words = f", the last one: {' '.join(said.split())[:_SHOWN]}" if said else ""
    raise DataError(f"No rollout was judged ({causes}){words}; mend that and search in another folder.")


def _failures(tree: TreeRecord) -> list[Failure]:
    return [failure for failure in (tree.failure, *(rollout.failure for rollout in tree.rollouts)) if failure is not None]

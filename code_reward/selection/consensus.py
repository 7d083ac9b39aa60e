"""Rules that look for programs that behave alike: CodeT, MBR-Exec, SRank.

A right program is right in one way, wrong ones in many. So programs with the same behaviour vouch for each other, each rule in its way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from code_reward.selection.rules import Candidates, Mask
from code_reward.selection.weighted import best

Groups = NDArray[np.intp]
"""The number of each candidate's group, shape `(N,)`."""


def behaviour_groups(behaviour: NDArray[np.generic]) -> tuple[Groups, NDArray[np.intp]]:
    """Groups of candidates whose rows are equal, and the size of each group. Without columns all are one group."""
    if not behaviour.shape[1]:
        return np.zeros(len(behaviour), dtype=np.intp), np.array([len(behaviour)])
    _, groups, sizes = np.unique(behaviour, axis=0, return_inverse=True, return_counts=True)
    return groups.reshape(-1), sizes


def codet(candidates: Candidates) -> Mask:
    """CodeT's dual agreement: programs that pass the same tests; √programs × tests of the group (Chen et al. 2022, section 2.2)."""
    groups, sizes = behaviour_groups(candidates.passed)
    return best(np.sqrt(sizes)[groups] * candidates.passed.sum(axis=1))


def mbr_exec(candidates: Candidates) -> Mask:
    """MBR-Exec with its hard loss: the largest group of programs that give the same on every input (Shi et al. 2022, section 3)."""
    groups, sizes = behaviour_groups(candidates.outputs)
    return best(sizes[groups])


def same_results(candidates: Candidates) -> Mask:
    """The largest group of programs that pass the same tests: MBR-Exec where outputs are known only as right or wrong by the tests."""
    groups, sizes = behaviour_groups(candidates.passed)
    return best(sizes[groups])


def mbr_exec_soft(candidates: Candidates) -> Mask:
    """MBR-Exec with its soft loss: agreement with all programs, averaged over inputs."""
    return best(overlap(candidates.outputs).mean(axis=1))


def srank(candidates: Candidates) -> Mask:
    """SRank: groups by outputs, ranked by their overlap with all groups, each weighted by its size and the tests that it passes
    (To et al. 2024, section 3.2: R = I · V)."""
    values = candidates.outputs if candidates.outputs.shape[1] else candidates.passed
    # The sum goes over candidates, so a group counts with its size.
    weights = candidates.passed.sum(axis=1) if candidates.passed.shape[1] else np.ones(len(candidates))
    return best((overlap(values) * weights).sum(axis=1))


def overlap(behaviour: NDArray[np.generic]) -> NDArray[np.float64]:
    """Shape `(N, N)`: the share of columns on which two candidates are equal; 1 without columns."""
    count, columns = behaviour.shape
    same = np.zeros((count, count))
    for column in behaviour.T:
        same += column[:, None] == column[None, :]
    return same / columns if columns else np.ones((count, count))

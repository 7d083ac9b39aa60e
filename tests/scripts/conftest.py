"""A private Slurm for the batch scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from private_slurm import Slurm, private_slurm


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """One for a module's tests; skips where it cannot be."""
    # A short path: those of sockets are limited.
    with private_slurm(tmp_path_factory.mktemp("slurm")) as slurm:
        yield slurm

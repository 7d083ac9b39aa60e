"""A folder that not all processes share is refused before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from code_reward.errors import ConfigurationError
from rm_train.places import require_shared


@dataclass
class OnAnotherNode:
    """The second of two processes, whose disk is its own."""

    first: bool = False
    world: int = 2

    def wait(self) -> None:
        """The first one has written its probe, elsewhere."""

    def total(self, value: float) -> list[float]:
        return [value + (0 if isinstance(value, bool) else 4321)]


def test_a_folder_that_another_node_does_not_see_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="another folder for 1 of 2 processes; give an --out on a disk that all nodes share"):
        require_shared(tmp_path / "rm", OnAnotherNode())  # type: ignore[arg-type]
    (tmp_path / ".rm.4321.shared").touch()
    require_shared(tmp_path / "rm", OnAnotherNode())  # type: ignore[arg-type]

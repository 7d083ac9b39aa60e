"""A tiny policy to start reward models from."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_policy import build_policy


@pytest.fixture(scope="session")
def policy_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_policy(tmp_path_factory.mktemp("policies") / "policy")

"""Fixtures of the data_prep tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def real_data() -> Path:
    """The folder of published data that docs/real_data.md describes; the test is skipped where there is none."""
    if "CODE_REWARD_DATA" not in os.environ:
        pytest.skip("set CODE_REWARD_DATA to the folder of published data (docs/real_data.md) to run this test")
    return Path(os.environ["CODE_REWARD_DATA"])

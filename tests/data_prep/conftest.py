"""Fixtures of the data_prep tests."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """This machine's own sandbox; it serves any event loop."""
    real = connect()
    yield real
    asyncio.run(real.close())


@pytest.fixture
def real_data() -> Path:
    """The folder of published data that docs/real_data.md describes; the test is skipped where there is none."""
    if "CODE_REWARD_DATA" not in os.environ:
        pytest.skip("set CODE_REWARD_DATA to the folder of published data (docs/real_data.md) to run this test")
    return Path(os.environ["CODE_REWARD_DATA"])

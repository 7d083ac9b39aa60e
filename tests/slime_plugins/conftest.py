"""slime (SLIME_ROOT's, or the stand-in), a reward model's folder, a server that counts, and hooks that remember nothing of another test."""

from __future__ import annotations

from pathlib import Path

import pytest
import slime_samples
from code_reward_slime import connections, wiring
from code_reward_slime.drift import DRIFT
from code_reward_slime.health import HEALTH
from misbehaving import Misbehaving, score_of
from tiny_rm import build_client_folder

QUICK = {"deadline_seconds": 600.0, "request_seconds": 30.0, "backoff_seconds": 0.01, "max_backoff_seconds": 0.05}


def pytest_report_header() -> str:
    return "slime: SLIME_ROOT" if slime_samples.REAL_SLIME else "slime: a stand-in; set SLIME_ROOT to check the hooks against slime itself"


@pytest.fixture(scope="session")
def client_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reward model that scores as a `Misbehaving` server does."""
    return build_client_folder(tmp_path_factory.mktemp("rm") / "client", score_of)


@pytest.fixture(autouse=True)
async def forget():
    """Every test is a process of its own to the hooks."""
    HEALTH.reset()
    DRIFT.reset()
    wiring._is_marked.cache_clear()
    yield
    await connections.close()
    connections._CLIENTS.made.clear()
    connections._JUDGES.made.clear()


@pytest.fixture
async def server():
    async with Misbehaving() as server:
        yield server


@pytest.fixture
def settings(client_dir, server):
    """The custom config of a run whose reward model is `server`."""
    return {"code_reward_rm_dir": str(client_dir), "code_reward_rm_urls": [server.url], "code_reward_client": QUICK}

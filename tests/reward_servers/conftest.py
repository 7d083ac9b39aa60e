"""Tiny reward models, and servers to serve them; a sandbox that is served."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from misbehaving import score_of
from served_rm import serving
from tiny_rm import build_client_folder, build_rm


@pytest.fixture(scope="session")
def rm_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model with weights."""
    return build_rm(tmp_path_factory.mktemp("rm") / "tiny-rm")


@pytest.fixture(scope="session")
def client_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a client that asks a `Misbehaving` server."""
    return build_client_folder(tmp_path_factory.mktemp("rm") / "client", score_of)


@pytest.fixture(scope="session")
def serve() -> Callable[..., object]:
    """The context manager `serving`."""
    return serving


@pytest.fixture(scope="session")
def server_url(rm_dir: Path) -> Iterator[str]:
    """A running server of the model in `rm_dir`."""
    with serving(rm_dir) as (url, _):
        yield url


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """A running sandbox of two workers."""
    command = [sys.executable, "-m", "reward_servers.sandbox", "--workers", "2", "--require", "limited"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready http://127.0.0.1:"), line
    yield line.split()[1]
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0

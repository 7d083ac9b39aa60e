"""Tiny reward models, and servers to serve them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from misbehaving import score_of
from tiny_rm import build_client_folder, build_rm


@pytest.fixture(scope="session")
def rm_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model with weights."""
    return build_rm(tmp_path_factory.mktemp("rm") / "tiny-rm")


@pytest.fixture(scope="session")
def client_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a client that asks a `Misbehaving` server."""
    return build_client_folder(tmp_path_factory.mktemp("rm") / "client", score_of)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`python -m reward_servers.embedded` as its own process; its URL and the process."""
    command = [sys.executable, "-m", "reward_servers.embedded", "--model", str(folder), "--threads", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("ready http://"), line + process.stderr.read()
            yield line.split()[1], process
        finally:
            process.terminate()
            process.communicate()


@pytest.fixture(scope="session")
def serve() -> Callable[..., object]:
    """The context manager `serving`."""
    return serving


@pytest.fixture(scope="session")
def server_url(rm_dir: Path) -> Iterator[str]:
    """A running server of the model in `rm_dir`."""
    with serving(rm_dir) as (url, _):
        yield url

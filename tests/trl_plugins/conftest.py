"""A tiny policy, a tiny reward model with its server, and problems to train on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving import score_of
from served_rm import serving
from tiny_policy import build_policy, problem
from tiny_rm import build_client_folder, build_rm

from code_reward.problem import save_problems


@pytest.fixture(scope="session")
def policy_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_policy(tmp_path_factory.mktemp("policies") / "policy")


@pytest.fixture(scope="session")
def rm_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rm(tmp_path_factory.mktemp("rm") / "rm", num_hidden_layers=1)


@pytest.fixture(scope="session")
def server_url(rm_dir: Path) -> Iterator[str]:
    with serving(rm_dir) as (url, _):
        yield url


@pytest.fixture(scope="session")
def client_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a client that asks a `Misbehaving` server."""
    return build_client_folder(tmp_path_factory.mktemp("rm") / "client", score_of)


@pytest.fixture(scope="session")
def problem_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("problems") / "rl.jsonl"
    save_problems(path, [problem(i) for i in range(1, 5)])
    return path

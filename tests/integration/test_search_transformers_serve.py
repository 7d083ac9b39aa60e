"""The guide's example for a laptop: `transformers serve` with a model folder as the endpoint of a tree search.

The model here knows nothing, so what is tested is the way there and back: the folder's name as the model's, calls counted, failures typed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_policy import build_policy

from code_reward.problem import save_problems
from data_prep.families import generate
from data_prep.search.run import read_trees
from reward_servers.sglang_server.supervisor import free_ports

ROOT = Path(__file__).parents[2]
CONTEXT = 8192


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server that answers."""
    command = Path(sys.executable).with_name("transformers")
    if not command.exists():
        pytest.skip("transformers has no command here; make install brings it")
    [port] = free_ports("127.0.0.1", 1)
    with (folder / "serve.log").open("w") as log:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        server = subprocess.Popen([command, "serve", "--port", str(port)], cwd=folder, stdout=log, stderr=log, env=environment)
        try:
            while not _answers(f"http://127.0.0.1:{port}/health"):
                assert server.poll() is None, (folder / "serve.log").read_text()[-2000:]
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_a_model_folder_is_served_under_its_name_and_asked_by_the_search(tmp_path):
    model = build_policy(tmp_path / "models" / "tiny")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "max_position_embeddings": CONTEXT}))
    save_problems(tmp_path / "problems.jsonl", generate(2, seed=0))
    command = [sys.executable, "-m", "data_prep.search", "--problems", "problems.jsonl", "--out", "run", "--policy", "llm"]
    options = ["--endpoints", "endpoints.yaml", "--reply-tokens", "40", "--change", "rollouts=1"]
    with serving(tmp_path) as url:
        endpoint = {"url": url, "model": "models/tiny", "concurrency": 2, "timeout_seconds": 300}
        (tmp_path / "endpoints.yaml").write_text(json.dumps([endpoint]))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 2, done.stderr
    assert "No rollout was judged" in done.stderr
    trees = list(read_trees(tmp_path / "run"))
    assert [[rollout.failure.kind for rollout in tree.rollouts] for tree in trees] == [["no_program"], ["no_program"]]
    assert "6 calls paid" in done.stdout, "a reply without a program is asked for twice again"

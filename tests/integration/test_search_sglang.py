"""The tree search with real language model servers: two SGLang processes on CPU, with a model that knows nothing.

All that such a model says is junk. So the run must finish with every reply counted as junk, every rollout on record, and no score at all.
"""

import asyncio
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from served_llm import PYTHON, serving, until_well
from tiny_policy import build_policy

from code_reward.journal import read_lines
from code_reward.problem import save_problems
from data_prep.families import generate
from data_prep.search.run import read_trees

ROOT = Path(__file__).parents[2]
CONTEXT = 8192


async def search(folder, name, *options):
    """Run the command, which ends in an error, since nothing came of it; its trees and the calls that it paid."""
    command = ["--problems", folder / "problems.jsonl", "--out", folder / name, "--endpoints", folder / "endpoints.yaml", *options]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "data_prep.search",
        *map(str, command),
        *["--judge", "llm", "--reply-tokens", "40", "--change", "rollouts=3"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 2, said.decode()
    assert "No rollout was judged" in said.decode()
    paid = [line["value"] for line in read_lines(folder / name / "calls.jsonl") if "-" not in line["key"]]
    assert f"{len(paid)} calls paid" in said.decode()
    return list(read_trees(folder / name)), paid


@pytest.mark.integration
@pytest.mark.timeout(900)
async def test_a_model_that_knows_nothing_leaves_junk_counts_and_no_scores(tmp_path):
    if not PYTHON.exists():
        pytest.skip("make install-integration makes the environment that this test runs in")
    model = build_policy(tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "max_position_embeddings": CONTEXT}))
    problems = generate(3, seed=0)
    save_problems(tmp_path / "problems.jsonl", problems)
    logs = [tmp_path / f"server{number}.log" for number in range(2)]
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(model, log)) for log in logs]
        await asyncio.gather(*(until_well(process, url, log) for (process, url), log in zip(servers, logs, strict=True)))
        endpoints = [{"url": f"{url}/v1", "model": "tiny", "concurrency": 4} for _, url in servers]
        (tmp_path / "endpoints.yaml").write_text(json.dumps(endpoints))
        written, paid = await search(tmp_path, "written", "--policy", "llm")
        judged, asked = await search(tmp_path, "judged", "--policy", "offline")
    for trees in (written, judged):
        assert sorted(tree.problem_id for tree in trees) == sorted(problem.id for problem in problems)
        assert [len(tree.rollouts) for tree in trees] == [3, 3, 3]
        assert [rollout for tree in trees for rollout in tree.rollouts if rollout.judgement is not None] == []
        assert {len(tree.nodes) for tree in trees} == {1}, "a tree without judgements has a root and nothing else"
    assert {rollout.failure.kind for tree in written for rollout in tree.rollouts} == {"no_program"}
    assert sum(rollout.junk for tree in written for rollout in tree.rollouts) == len(paid) == 3 * 3 * 3
    assert {rollout.failure.kind for tree in judged for rollout in tree.rollouts} == {"unparsable"}
    assert len(asked) == 3 * 3 * 4, "a judge is asked four times before it is given up"
    for reply in (*paid, *asked):
        assert reply["model"] == "tiny"
        assert 0 < reply["completion_tokens"] <= 40
        assert reply["prompt_tokens"] > 100

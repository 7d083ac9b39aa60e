"""The tree search with real language model servers: two SGLang processes on CPU, with a model that knows nothing.

All that such a model says is junk. So the run must finish with every reply counted as junk, every rollout on record, and no score at all.
"""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import pytest
from slime_on_cpu.environment import engine_environment
from tiny_policy import build_policy

from code_reward.journal import read_lines
from code_reward.problem import save_problems
from data_prep.families import generate
from data_prep.search.run import read_trees
from reward_servers.sglang_server.supervisor import free_ports

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-integration/bin/python"
CONTEXT = 8192
FLAGS = {
    "--device": "cpu",
    "--dtype": "float32",
    "--attention-backend": "torch_native",
    "--mem-fraction-static": "0.1",
    "--max-total-tokens": "16384",
    "--context-length": str(CONTEXT),
    "--served-model-name": "tiny",
    "--host": "127.0.0.1",
    "--log-level": "warning",
}


@contextmanager
def serving(model, log):
    """An SGLang server; its address, before it answers."""
    [port] = free_ports("127.0.0.1", 1)
    flags = [part for flag in {**FLAGS, "--port": str(port), "--model-path": str(model)}.items() for part in flag]
    command = [str(PYTHON), "-m", "sglang.launch_server", "--disable-overlap-schedule", *flags]
    environment = engine_environment({**os.environ, "PYTHONPATH": ""})
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


async def until_well(process, url, log):
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            assert process.poll() is None, log.read_text()[-3000:]
            try:
                async with session.get(f"{url}/health") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise AssertionError(log.read_text()[-3000:])


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

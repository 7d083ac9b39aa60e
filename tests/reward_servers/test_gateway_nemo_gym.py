"""The gateway as NeMo-Gym's resources server; with NEMO_GYM_ROOT, under NeMo-Gym's own agent and collector."""

import asyncio
import json
import os
import socket
import subprocess
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from misbehaving import FAULTS, Misbehaving, misbehave, score_of
from tiny_rm import answer, statement

from code_reward.rm_input import RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.gateway import nemo_gym
from reward_servers.gateway.app import build_app
from reward_servers.gateway.nemo_gym import answer_in

QUICK = ClientSettings(deadline_seconds=0.5, request_seconds=1.0, backoff_seconds=0.01, max_backoff_seconds=0.05)


def message(text, role="assistant"):
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "m", "type": "message", "role": role, "status": "completed", "content": content}


def row(i, *output, **columns):
    asked = [{"role": "user", "content": statement(i)}]
    return {"responses_create_params": {"input": asked}, "response": {"id": "r", "output": [*output]}, **columns}


def known(i):
    return {"statement": statement(i), "entry_point": f"add_{i}"}


@pytest.fixture
async def server():
    async with Misbehaving() as server:
        yield server


@asynccontextmanager
async def gateway_before(server, client_dir, settings=None):
    async with RewardClient(client_dir, [server.url], settings=settings) as client:
        transport = httpx.ASGITransport(build_app(client, "default"))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield http


@pytest.fixture
async def gateway(client_dir, server):
    async with gateway_before(server, client_dir) as http:
        yield http


@pytest.fixture
def reward_of(client_dir):
    rm_input = RMInput.load(client_dir)
    return lambda i: shape(Scored(score_of(rm_input.build(statement(i), answer(i)).ids)))


@pytest.mark.parametrize("metadata", [{}, {"verifier_metadata": known(1)}])
async def test_a_rollout_comes_back_with_its_reward_and_its_columns(gateway, reward_of, metadata):
    sent = row(1, message(answer(1)), task_id="t7", **metadata)
    reply = (await gateway.post("/verify", json=sent)).json()
    assert (reply["reward"], reply["rejected"], reply["code_reward"]["verdict"]) == (reward_of(1), 0.0, "scored")
    assert {name: reply[name] for name in sent} == sent
    assert "_ng_failure_class" not in reply


async def test_an_answer_without_a_program_is_rejected(gateway):
    reply = (await gateway.post("/verify", json=row(1, message("I do not know.")))).json()
    assert (reply["reward"], reply["rejected"], reply["code_reward"]["reason"]) == (-0.5, 1.0, "no_code")


async def test_a_program_of_another_name_is_rejected_where_the_row_names_one(gateway):
    reply = (await gateway.post("/verify", json=row(1, message(answer(2)), verifier_metadata=known(1)))).json()
    assert reply["code_reward"]["verdict"] == "rejected"


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_outage_is_a_failure_of_its_own_class_and_no_reward(client_dir, gateway, server, fault):
    await misbehave(server, fault)
    async with gateway_before(server, client_dir, QUICK) as hurried:
        reply = (await hurried.post("/verify", json=row(1, message(answer(1))))).json()
    assert reply["_ng_failure_class"] == "reward_missing"
    assert reply["_ng_failure_reason"] == reply["code_reward"]["reason"] is not None
    means = await gateway.post("/aggregate_metrics", json={"verify_responses": [reply, {"reward": 1.0, "rejected": 0.0}]})
    assert means.json()["agent_metrics"] == {"mean/reward": 1.0, "mean/rejected": 0.0}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"responses_create_params": {"input": []}, "response": {"output": []}}, 422),
        ({"responses_create_params": {"input": [{"role": "assistant", "content": "x"}, 3]}, "response": {}}, 422),
        ({"responses_create_params": {}, "response": {"output": [3, {"type": "message"}]}, "verifier_metadata": known(1)}, 200),
        ({"response": {}}, 422),
    ],
)
async def test_rows_of_another_form_are_refused_or_rejected_and_never_break_it(gateway, body, status):
    reply = await gateway.post("/verify", json=body)
    assert reply.status_code == status
    assert status != 200 or reply.json()["code_reward"]["verdict"] == "rejected"


async def test_means_are_over_all_rows_and_per_task(gateway):
    rows = [{"_ng_task_index": i // 2, "reward": float(i), "rejected": 0.0} for i in range(4)]
    means = (await gateway.post("/aggregate_metrics", json={"verify_responses": rows})).json()
    assert means["key_metrics"]["mean/reward"] == 1.5
    assert [group["mean/reward"] for group in means["group_level_metrics"]] == [0.5, 2.5]
    assert (await gateway.post("/aggregate_metrics", json={"verify_responses": []})).status_code == 422


@pytest.mark.parametrize(
    ("output", "right"),
    [
        ([message("first"), message("last")], "last"),
        ([message(answer(1)), message("Done.")], answer(1)),
        ([message(answer(1)), message(answer(2))], answer(2)),
        ([{"type": "reasoning", "summary": [{"text": answer(1)}]}, message("none")], "none"),
        ([message(answer(1), role="user"), message("mine")], "mine"),
        ([message("mine"), {"type": "function_call_output", "output": answer(1)}], "mine"),
        ([{"role": "assistant", "content": "plain"}], "plain"),
        ([], ""),
    ],
)
async def test_the_answer_is_the_last_of_the_assistants_own_that_holds_a_program(output, right):
    assert await answer_in({"output": output}) == right


async def test_a_row_whose_turns_could_not_be_extracted_from_is_a_failure(gateway, monkeypatch):
    async def die(*_, **__):
        raise BrokenProcessPool

    monkeypatch.setattr(nemo_gym, "extract", die)
    found = (await gateway.post("/verify", json=row(1, message(answer(1)), message("Done."), verifier_metadata=known(1)))).json()
    assert (found["_ng_failure_class"], found["_ng_failure_reason"]) == ("reward_missing", "extraction_failed")
    assert found["code_reward"]["verdict"] == "missing"


@pytest.mark.skipif("NEMO_GYM_ROOT" not in os.environ, reason="NEMO_GYM_ROOT names no checkout of NeMo-Gym (docs/nemo_gym.md)")
@pytest.mark.timeout(700)
@pytest.mark.parametrize("alive", [True, False])
async def test_nemo_gyms_own_agent_and_collector(client_dir, server, reward_of, tmp_path, alive):
    rows = [row(i, verifier_metadata=known(i)) for i in range(3)]
    answers = {statement(0): answer(0), statement(1): "I do not know.", statement(2): answer(2)}
    (tmp_path / "task.json").write_text(json.dumps({"rows": rows, "answers": answers}))
    if not alive:
        await server.stop()
    async with RewardClient(client_dir, [server.url], settings=None if alive else QUICK) as client:
        await collect(client, tmp_path)
    judged, failures = (read(tmp_path / name) for name in ("rollouts.jsonl", "rollouts_failures.jsonl"))
    if alive:
        assert sorted(one["reward"] for one in judged) == sorted([-0.5, reward_of(0), reward_of(2)])
        assert failures == []
    else:
        assert [one["code_reward"]["verdict"] for one in judged] == ["rejected"]
        assert [one["_ng_failure_class"] for one in failures] == ["reward_missing"] * 2


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


async def collect(client, folder):
    """NeMo-Gym's collection against a gateway over this client."""
    listener = socket.create_server(("127.0.0.1", 0))
    gateway = uvicorn.Server(uvicorn.Config(build_app(client, "default"), log_level="warning"))
    serving = asyncio.create_task(gateway.serve([listener]))
    command = [os.environ.get("NEMO_GYM_PYTHON", "python3.13"), str(Path(__file__).parents[1] / "helpers" / "nemo_gym_run.py")]
    arguments = [f"http://127.0.0.1:{listener.getsockname()[1]}", str(folder / "task.json"), str(folder)]
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            *arguments,
            env=os.environ | {"PYTHONPATH": os.environ["NEMO_GYM_ROOT"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            status = await asyncio.wait_for(process.wait(), 600)
        finally:
            if process.returncode is None:
                process.kill()
            gateway.should_exit = True
            await serving
    assert status == 0, (folder / "log").read_text()[-3000:]

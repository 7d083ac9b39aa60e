"""SGLang and its router, really, on CPU: equal scores everywhere, deaths, swaps and wrong heads under a client that goes on asking.

Each start of SGLang takes half a minute, so that each proves several things.
"""

import asyncio
import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest
from safetensors.torch import load_file, save_file
from slime_on_cpu.environment import engine_environment
from tiny_published import build_published
from tiny_rm import answer, statement

from code_reward.reference import Reference
from code_reward.rm_input import RMInput
from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.client.asking import ask
from reward_servers.client.reward_client import Model
from reward_servers.scorer import Scorer
from reward_servers.wire import CLASSIFY, EMBEDDINGS
from rm_train.adoption import adopt, score_plainly

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-integration/bin/python"
TOLERANCE = 1e-3
SAMPLES = [(statement(i % 5), answer(i)) for i in range(60)]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON.exists(), reason="There is no .venv-integration; make it with make install-integration."),
]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Makes adopted reward models."""
    folder = tmp_path_factory.mktemp("published")

    def make(architecture, seed=0):
        model = build_published(folder / f"{architecture}-{seed}", architecture, seed=seed)
        adopt(model, "generic")
        return model

    return make


@contextmanager
def serving(model, logs, *options):
    """The launcher in SGLang's environment; nothing of it is left at the end."""
    command = [str(PYTHON), "-m", "reward_servers.sglang_server", "--model", str(model), "--logs", str(logs)]
    command += ["--device", "cpu", "--dtype", "float32", *options]
    environment = {**engine_environment({**os.environ, "PYTHONPATH": ""}), "CODE_REWARD_TEST": str(logs)}
    with (logs.parent / "stderr.txt").open("w") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)
    _, left = psutil.wait_procs([one for one in psutil.process_iter() if _belongs(one, logs)], timeout=30)
    assert left == []


def _belongs(process, logs):
    try:
        return process.environ().get("CODE_REWARD_TEST") == str(logs)
    except psutil.Error:
        return False


def ready(process, logs):
    line = process.stdout.readline()
    assert line.startswith("ready http://"), (logs.parent / "stderr.txt").read_text()
    return line.split()[1]


async def says(logs, text, seconds=300):
    """Wait until the launcher has said `text`."""
    for _ in range(int(seconds / 0.2)):
        if text in (logs.parent / "stderr.txt").read_text():
            return
        await asyncio.sleep(0.2)
    raise AssertionError((logs.parent / "stderr.txt").read_text())


def client_of(model, *urls, router=None):
    settings = ClientSettings(refresh_seconds=1.0, list_items=8, cache_items=0, backoff_seconds=0.05)
    return RewardClient(model, urls, router=router, settings=settings)


def right(model):
    """The scores of `SAMPLES` by the embedded server's scorer."""
    rm_input = RMInput.load(model)
    return Scorer(model).score([rm_input.build(*sample).ids for sample in SAMPLES])


def assert_close(scores, expected):
    assert len(scores) == len(expected)
    assert max(abs(score - other) for score, other in zip(scores, expected, strict=True)) < TOLERANCE


def digest(model):
    """What `Judged.rm` says of this model."""
    return Model(model, ClientSettings()).digest


def values(judged):
    assert {type(one.verdict) for one in judged} == {Scored}, [one.verdict for one in judged]
    return [one.verdict.value for one in judged]


async def test_two_replicas_behind_the_router(published, tmp_path):
    """Equal scores on every way; a replica that dies, and a swap, under a client that goes on asking."""
    first, second = published("Qwen3", 0), published("Qwen3", 1)
    current, logs = tmp_path / "current", tmp_path / "logs"
    current.symlink_to(first)
    rm_input = RMInput.load(first)
    ids = [rm_input.build(*sample).ids for sample in SAMPLES]
    plain = score_plainly(first, ids)
    assert_close(right(first), plain)
    with serving(current, logs, "--replicas", "2") as process:
        url = ready(process, logs)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/workers") as reply:
                workers = [worker["url"] for worker in (await reply.json())["workers"]]
            assert len(workers) == 2
            for worker in workers:
                assert_close(await ask(session, worker, CLASSIFY, ids), plain)
            assert_close(await ask(session, url, EMBEDDINGS, ids), plain)
        async with client_of(current, router=url) as direct, client_of(current, url) as routed:
            assert_close(values(await direct.verdicts(SAMPLES)), plain)
            assert_close(values(await routed.verdicts(SAMPLES)), plain)
            calls = asyncio.gather(*(direct.verdicts(SAMPLES) for _ in range(3)))
            replica = next(one for one in psutil.Process(process.pid).children() if "sglang.launch_server" in one.cmdline())
            replica.kill()
            for judged in await calls:
                assert_close(values(judged), plain)
            await says(logs, "is dead")
            await asyncio.sleep(5)
            assert_close(values(await routed.verdicts(SAMPLES)), plain)
            await asyncio.to_thread(_swap, process, current, second)
            told = asyncio.create_task(says(logs, "swapped to"))
            during = []
            while not told.done():
                during.append(await direct.verdicts(SAMPLES))
                await asyncio.sleep(0.5)
            await told
            for client in (direct, routed):
                assert_close(values(await client.verdicts(SAMPLES)), right(second))
            models = {digest(first): plain, digest(second): right(second)}
            for judged in during:
                assert_close(values(judged), [models[one.rm][i] for i, one in enumerate(judged)])
        process.terminate()
        assert process.wait(60) == 0


def _swap(process, current, model):
    (current.parent / "next").symlink_to(model)
    (current.parent / "next").rename(current)
    process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("architecture", ["Qwen2", "Llama", "Glm4"])
async def test_other_architectures_score_the_same(published, tmp_path, architecture):
    model, logs = published(architecture), tmp_path / "logs"
    with serving(model, logs) as process:
        url = ready(process, logs)
        async with client_of(model, url) as client:
            assert_close(values(await client.verdicts(SAMPLES)), right(model))


def test_a_head_with_a_random_bias_is_refused_with_the_difference(published, tmp_path):
    """As every published Qwen reward model has it: SGLang draws the bias that the checkpoint lacks."""
    model, logs = published("Qwen3", 2), tmp_path / "logs"
    shard = model / "model.safetensors"
    save_file({name: tensor for name, tensor in load_file(shard).items() if name != "score.bias"}, shard, metadata={"format": "pt"})
    assert len(Reference.load(model).items) == 16
    with serving(model, logs) as process:
        assert process.wait(300) == 2
    said = (tmp_path / "stderr.txt").read_text()
    assert "is not the expected reward model" in said
    assert "all scores are off by about" in said

"""The guides to other loops, their code as it stands there, in the loops' own code. Needs these: `make test-loops`.

Only the address of the reward model's server is another one. In each a dead reward model is an error of that loop, and never a number.
"""

import asyncio
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import uvicorn
from misbehaving import FAULTS, Misbehaving, misbehave, score_of
from tiny_rm import answer, build_client_folder, statement

from code_reward.errors import RewardServerError
from code_reward.problem import Problem, save_problems
from code_reward.rm_input import RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.gateway.app import build_app
from reward_servers.listener import Server, bind

DOCS = Path(__file__).parents[2] / "docs"
QUICK = ClientSettings(deadline_seconds=0.5, request_seconds=0.4, backoff_seconds=0.01, max_backoff_seconds=0.05, cache_items=0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder of a reader of the guides: the reward model in runs/rm."""
    monkeypatch.chdir(tmp_path)
    save_problems(tmp_path / "problems.jsonl", [Problem(id=f"p{i}", statement=statement(i), entry_point=f"add_{i}") for i in range(3)])
    return build_client_folder(tmp_path / "runs" / "rm", score_of)


@pytest.fixture
async def server():
    async with Misbehaving() as server:
        yield server


def code_of(guide, url):
    """The module of a guide, run as it stands but for the address."""
    [text] = re.findall(r"```python\n(.*?)```", (DOCS / guide).read_text(), re.DOTALL)
    module = ModuleType(f"guide_{guide.removesuffix('.md')}")
    sys.modules[module.__name__] = module
    exec(compile(text.replace("http://127.0.0.1:8001", url), guide, "exec"), module.__dict__)
    return module


def right(folder, i):
    return shape(Scored(score_of(RMInput.load(folder).build(statement(i), answer(i), f"add_{i}").ids)))


@pytest.fixture
def impatient(monkeypatch):
    """Readers wait for two minutes, tests do not."""
    monkeypatch.setattr("reward_servers.client.reward_client.ClientSettings", lambda: QUICK)


# ms-swift


def swift_rewards(module, answers):
    algorithm = pytest.importorskip("swift.rl_core.grpo_algorithm", reason="ms-swift is not installed here; make test-loops runs this")
    import torch
    from swift.rewards import orms

    samples = [
        SimpleNamespace(
            messages=[{"role": "assistant", "content": text}],
            to_reward_row=lambda i=i: {"statement": statement(i), "entry_point": f"add_{i}"},
        )
        for i, text in enumerate(answers)
    ]
    return algorithm.compute_rewards_per_func(samples, [orms["code_reward"]()], [None], torch.device("cpu")).flatten().tolist()


async def in_a_thread(function, *arguments):
    return await asyncio.to_thread(function, *arguments)


async def test_ms_swift_computes_our_rewards(folder, server):
    pytest.importorskip("swift.rewards", reason="ms-swift is not installed here; make test-loops runs this")
    module = code_of("ms_swift.md", server.url)
    for _ in range(2):
        # A new event loop each time, as ms-swift makes one for each batch.
        found = await in_a_thread(swift_rewards, module, [answer(0), answer(1), "I do not know."])
        assert found == pytest.approx([right(folder, 0), right(folder, 1), -0.5])


@pytest.mark.parametrize("fault", FAULTS)
async def test_ms_swift_stops_when_the_reward_model_is_dead(folder, server, impatient, fault):
    pytest.importorskip("swift.rewards", reason="ms-swift is not installed here; make test-loops runs this")
    module = code_of("ms_swift.md", server.url)
    await misbehave(server, fault)
    with pytest.raises(RewardServerError, match="check the reward server"):
        await in_a_thread(swift_rewards, module, [answer(0), "I do not know."])


# OpenRLHF


@asynccontextmanager
async def gateway_before(server, folder, settings=None):
    async with RewardClient(folder, [server.url], settings=settings) as client:
        with bind("127.0.0.1", 0) as listener:
            app = build_app(client, "default")
            serving = Server(uvicorn.Config(app, log_level="warning", access_log=False))
            task = asyncio.create_task(serving.serve([listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}/get_reward"
            finally:
                serving.should_exit = True
                await task


async def executed(url, text, i=0):
    """What OpenRLHF's executor makes of a prompt that its engine answers with `text`."""
    agent = pytest.importorskip("openrlhf.utils.agent", reason="OpenRLHF is not installed here; make test-loops runs this")
    prompt = f"<|im_start|>user\n{statement(i)}<|im_end|>\n<|im_start|>assistant\n"

    class Tokenizer:
        def __call__(self, text, **options):
            import torch

            return {"input_ids": torch.tensor([[1, 2]])}

        def decode(self, tokens, **options):
            return prompt + text

    class Engine:
        async def generate(self, *arguments, **options):
            return SimpleNamespace(outputs=[SimpleNamespace(token_ids=[3], finish_reason="stop", logprobs=None)])

    sampling = SimpleNamespace(max_tokens=8, logprobs=None)
    return await agent.SingleTurnAgentExecutor([url]).execute(prompt, f"add_{i}", sampling, 64, Tokenizer(), Engine())


async def test_openrlhf_asks_the_gateway(folder, server):
    async with gateway_before(server, folder) as url:
        scored, rejected = await executed(url, answer(1), 1), await executed(url, "I do not know.", 1)
    assert scored["reward"] == scored["scores"] == [pytest.approx(right(folder, 1))]
    assert (rejected["reward"], rejected["extra_logs"]) == ([-0.5], {"rejected": [1.0]})


@pytest.mark.parametrize("fault", FAULTS)
async def test_openrlhf_has_no_reward_when_the_reward_model_is_dead(folder, server, monkeypatch, fault):
    pytest.importorskip("openrlhf.utils.agent", reason="OpenRLHF is not installed here; make test-loops runs this")
    await misbehave(server, fault)
    # It waits for a second between its five tries.
    own = SimpleNamespace(gather=asyncio.gather, create_task=asyncio.create_task, sleep=lambda _: asyncio.sleep(0.01))
    monkeypatch.setattr("openrlhf.utils.agent.asyncio", own)
    async with gateway_before(server, folder, QUICK) as url:
        assert (await executed(url, answer(1), 1))["reward"] is None


# verifiers


async def scored_by_verifiers(module, number, text):
    import verifiers.v1 as vf

    task = list(module.CodeTasks(vf.TasksetConfig(id="code")))[number]
    trace = trace_of(vf, task, text)
    await task.score(trace)
    return trace


def trace_of(vf, task, text):
    return vf.Trace.model_construct(root_reply=text, rewards={}, metrics={})


async def test_verifiers_scores_with_our_reward(folder, server):
    pytest.importorskip("verifiers.v1", reason="verifiers is not installed here; make test-loops runs this")
    module = code_of("verifiers.md", server.url)
    scored = await scored_by_verifiers(module, 1, answer(1))
    rejected = await scored_by_verifiers(module, 1, "I do not know.")
    assert (scored.reward, rejected.reward) == (pytest.approx(right(folder, 1)), -0.5)


@pytest.mark.parametrize("fault", FAULTS)
async def test_verifiers_records_an_error_when_the_reward_model_is_dead(folder, server, impatient, fault):
    vf = pytest.importorskip("verifiers.v1", reason="verifiers is not installed here; make test-loops runs this")
    module = code_of("verifiers.md", server.url)
    await misbehave(server, fault)
    with pytest.raises(vf.TaskError, match="no verdict: "):
        await scored_by_verifiers(module, 1, answer(1))

"""The gateway speaks slime's and OpenRLHF's contracts, and answers 503 where a number would be a lie."""

import asyncio
import subprocess
import sys
from argparse import Namespace

import httpx
import pytest
import slime_modules
from misbehaving import Misbehaving, other_score_of, score_of
from tiny_rm import answer, statement
from waiting import until_known

from code_reward.chat_prompt import split_answer
from code_reward.errors import ConfigurationError
from code_reward.problem import Problem
from code_reward.reference import Reference
from code_reward.rm_input import RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.gateway.app import build_app, serve
from reward_servers.gateway.entry_points import EntryPoints
from reward_servers.gateway.settings import Gateway

QUICK = ClientSettings(deadline_seconds=600.0, request_seconds=30.0, backoff_seconds=0.01, max_backoff_seconds=0.05)
GLM = "[gMASK]<sop><|user|>\n{}<|assistant|>\n"
QWEN = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
async def server():
    async with Misbehaving() as server:
        yield server


@pytest.fixture
async def gateway(client_dir, server):
    """An HTTP client of a gateway before `server`."""
    async with RewardClient(client_dir, [server.url], settings=QUICK) as client:
        transport = httpx.ASGITransport(build_app(client, "default"))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield http


@pytest.fixture
async def hurried(client_dir, server):
    """As `gateway`, with a short deadline; its reward client goes with it."""
    async with RewardClient(client_dir, [server.url], settings=QUICK.model_copy(update={"deadline_seconds": 1.0})) as client:
        transport = httpx.ASGITransport(build_app(client, "default"))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield http, client


@pytest.fixture
def reward_of(client_dir):
    """The right reward of the answer to problem i."""
    rm_input = RMInput.load(client_dir)
    return lambda i: shape(Scored(score_of(rm_input.build(statement(i), answer(i)).ids)))


@pytest.mark.parametrize("prompt", [str, QWEN.format, GLM.format, lambda text: [{"role": "user", "content": text}]])
async def test_remote_rm_answers_one_number(gateway, reward_of, prompt):
    reply = await gateway.post("/remote_rm", json={"prompt": prompt(statement(1)), "response": answer(1), "label": None})
    assert (reply.status_code, reply.json()) == (200, reward_of(1))


async def test_an_answer_without_a_program_has_the_preset_s_reward(gateway, server):
    reply = await gateway.post("/remote_rm", json={"prompt": statement(1), "response": "I do not know.", "label": None})
    assert (reply.status_code, reply.json()) == (200, -0.5)
    assert server.scored == []


ADD = "Write a function that adds two numbers."


@pytest.mark.parametrize(
    ("prompt", "told", "rejected"),
    [
        (ADD, {"metadata": {"entry_point": "add"}}, True),
        (ADD, {"label": '{"entry_point": "add"}'}, True),
        (ADD, {"label": "def add(a, b):\n    return a + b"}, False),
        (f"{ADD}\n```python\ndef add(a, b):\n```", {}, True),
        (f"{ADD}\n```python\nclass Solution:\n    def add(self, a, b):\n```", {}, True),
        ('def add(a, b):\n    """ Add them. """\n', {}, True),
        ('def sub(a, b):\n    """ Subtract them. """\n', {}, False),
        (f"{ADD}\n```python\ndef add(a, b):\n\ndef other(a):\n```", {}, False),
        (f"{ADD}\n```python\nclass Stack:\n    pass\n\ndef add(a, b):\n```", {}, False),
        (ADD, {}, False),
        ("Known: add.\nAnswer in a block.", {}, True),
    ],
)
async def test_a_program_of_another_name_is_rejected_where_the_name_is_known(client_dir, server, prompt, told, rejected):
    problems = [Problem(id="k", statement="Known: add.", entry_point="add"), Problem(id="s", statement="Known", entry_point="sub")]
    async with RewardClient(client_dir, [server.url], settings=QUICK) as client:
        transport = httpx.ASGITransport(build_app(client, "default", entry_points=EntryPoints(problems)))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            response = "```python\ndef sub(a, b):\n    return a - b\n```"
            one = await http.post("/remote_rm", json={"prompt": prompt, "response": response, **told})
            labels = {"labels": [told["label"]]} if "label" in told else {}
            many = await http.post("/get_reward", json={"query": [prompt + response], "prompts": [prompt], **labels})
    assert (one.json() == -0.5) is rejected
    if "metadata" not in told:
        assert many.json()["rewards"] == [one.json()]


@pytest.mark.parametrize("with_prompts", [True, False])
async def test_get_reward_answers_a_list_in_order(gateway, reward_of, with_prompts):
    prompts = [QWEN.format(statement(i)) for i in range(3)]
    queries = [prompt + answer(i) + "<|im_end|>" for i, prompt in enumerate(prompts)] + [prompts[0] + "No."]
    body = {"query": queries, "labels": [""] * 4, **({"prompts": [*prompts, prompts[0]]} if with_prompts else {})}
    reply = (await gateway.post("/get_reward", json=body)).json()
    assert reply["rewards"] == [*map(reward_of, range(3)), -0.5]
    assert reply["extra_logs"] == {"rejected": [0.0, 0.0, 0.0, 1.0]}


@pytest.mark.parametrize("path", ["/remote_rm", "/get_reward"])
async def test_a_missing_verdict_is_503_and_no_number(hurried, server, path):
    gateway, client = hurried
    await server.stop()
    await until_known(client, "unreachable")
    one = {"prompt": statement(1), "response": answer(1)}
    both = {"query": [QWEN.format(statement(1)) + answer(1), QWEN.format(statement(2)) + "No."]}
    reply = await gateway.post(path, json=one if path == "/remote_rm" else both)
    assert reply.status_code == 503
    assert "unreachable 1" in reply.json()["detail"]
    assert reply.headers["Retry-After"]


async def test_another_model_is_503(hurried, server):
    gateway, client = hurried
    server.score = other_score_of
    await until_known(client, "wrong_model")
    reply = await gateway.post("/remote_rm", json={"prompt": statement(1), "response": answer(1)})
    assert (reply.status_code, "wrong_model" in reply.text) == (503, True)
    assert (await gateway.get("/health")).status_code == 503


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/remote_rm", {"prompt": "<|start_header_id|>user", "response": "x"}),
        ("/remote_rm", {"prompt": "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>x<|END_OF_TURN_TOKEN|>", "response": "x"}),
        ("/remote_rm", {"prompt": "<s>[INST] x [/INST]", "response": "x"}),
        ("/remote_rm", {"prompt": " \n", "response": "x"}),
        ("/remote_rm", {"prompt": [], "response": "x"}),
        ("/remote_rm", {"prompt": "x"}),
        ("/get_reward", {"query": ["no turns at all"]}),
        ("/get_reward", {"query": ["ab"], "prompts": ["b"]}),
        ("/get_reward", {"query": ["ab"], "prompts": []}),
    ],
)
async def test_what_cannot_be_judged_is_said_and_no_server_asked(gateway, server, path, body):
    assert (await gateway.post(path, json=body)).status_code == 422
    assert server.scored == []


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"json": {"prompt": "p", "respons": "x"}}, "response is missing; docs/serving.md says what is sent."),
        ({"json": {"prompt": "p", "response": 3}}, "response is wrong (Input should be a valid string)"),
        ({"content": "{", "headers": {"Content-Type": "application/json"}}, "The body is no JSON object; send one, with the header"),
        (
            {"content": '{"prompt": "p", "response": "x"}', "headers": {"Content-Type": "text/plain"}},
            "The body is no JSON object; send one, with the header",
        ),
    ],
)
async def test_a_body_that_cannot_be_read_is_told_in_one_sentence(gateway, server, sent, told):
    reply = await gateway.post("/remote_rm", **sent)
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith(told)
    assert server.scored == []


async def test_what_the_server_refuses_for_good_is_not_asked_again(gateway, server, client_dir):
    # A token that no reference item holds: the server is well without this answer.
    known = {token for item in Reference.load(client_dir).items for token in item.ids}
    own = set(RMInput.load(client_dir).build(statement(77), answer(77)).ids) - known
    server.poison.update(dict.fromkeys(own, "400"))
    reply = await gateway.post("/remote_rm", json={"prompt": statement(77), "response": answer(77)})
    assert reply.status_code == 422
    assert "refuses" in reply.text


def test_the_last_assistant_s_turn_is_the_answer():
    text = QWEN.format("first") + "one<|im_end|>\n<|im_start|>user\nsecond<|im_end|>\n<|im_start|>assistant\ntwo"
    prompt, response = split_answer(text)
    assert (prompt + "\n" + response, response) == (text, "two")


async def test_the_command_serves_until_told_to_stop(client_dir, server, reward_of):
    command = [sys.executable, "-m", "reward_servers.gateway", "--rm-dir", str(client_dir), "--rm-url", server.url]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        url = (await process.stdout.readline()).decode().split()[-1]
        async with httpx.AsyncClient(base_url=url) as http:
            assert (await http.post("/remote_rm", json={"prompt": statement(1), "response": answer(1)})).json() == reward_of(1)
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_the_command_refuses_another_model(client_dir, server):
    server.score = other_score_of
    command = [sys.executable, "-m", "reward_servers.gateway", "--rm-dir", str(client_dir), "--rm-url", server.url]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    _, error = await process.communicate()
    assert process.returncode == 2
    assert b"is not the expected reward model" in error


@pytest.mark.parametrize("asked", [{}, {"rm_url": ["http://a:1"], "rm_router": "http://b:2"}])
def test_a_gateway_that_asks_nobody_or_both_is_refused_in_the_words_of_its_options(client_dir, asked):
    with pytest.raises(ConfigurationError, match="give --rm-url or --rm-router, and not both"):
        serve(Gateway(rm_dir=client_dir, _cli_parse_args=False, **asked))


@pytest.mark.skipif(not slime_modules.ROOT, reason="SLIME_ROOT names no checkout of slime")
async def test_slime_s_own_remote_rm_gets_the_reward(client_dir, server, reward_of):
    slime_modules.install()
    from slime.rollout.rm_hub import remote_rm
    from slime.utils.types import Sample

    command = [sys.executable, "-m", "reward_servers.gateway", "--rm-dir", str(client_dir), "--rm-url", server.url]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        url = (await process.stdout.readline()).decode().split()[-1]
        sample = Sample(prompt=QWEN.format(statement(1)), response=answer(1), label=None)
        assert await remote_rm(Namespace(rm_url=f"{url}/remote_rm"), sample) == reward_of(1)
    finally:
        process.terminate()
        await process.wait()

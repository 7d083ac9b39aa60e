"""A request of the sandbox's server from its body to its answer: bounded, off the loop where it is large, ended when its client goes."""

import asyncio
import json

import aiohttp
import httpx
import pytest
from fastapi import Request

from code_reward.errors import DataError
from reward_servers.sandbox import bodies
from reward_servers.sandbox.bodies import ClientGone, Reader, Refused
from reward_servers.sandbox.contract import Run
from reward_servers.sandbox.desk import Desk
from reward_servers.sandbox.outcome import Outcome

RIGHT = "def f(x):\n    return x + 1\n"
TEST = {"kind": "asserts", "code": "assert f(1) == 2"}
BODY = json.dumps({"program": RIGHT, "tests": [TEST]}).encode()


def request(*parts, then=None):
    """A request whose body comes in these parts; then nothing more comes, or `then`."""
    messages = [{"type": "http.request", "body": part, "more_body": n < len(parts)} for n, part in enumerate(parts, 1)]

    async def receive():
        if messages:
            return messages.pop(0)
        return then or await asyncio.Event().wait()

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def passed(body):
    return Outcome(kind="passed")


async def test_a_body_comes_in_parts():
    reader = Reader()
    body = await reader.receive(request(BODY[:10], BODY[10:]))
    assert (await reader.parse(Run, body)).program == RIGHT


async def test_a_large_body_is_parsed_in_another_process(monkeypatch):
    reader = Reader()
    monkeypatch.setattr(bodies, "_LARGE", 1 << 20)
    run = await reader.parse(Run, json.dumps({"program": "#" * (2 << 20), "tests": [TEST]}).encode())
    assert len(run.program) == 2 << 20
    assert run.tests[0].code == TEST["code"]
    assert reader._process is not None
    with pytest.raises(Refused) as refused:
        await reader.parse(Run, b'{"program":' + b"[" + b"1," * (1 << 20) + b"1]}")
    assert refused.value.status == 422
    assert len(str(refused.value)) < 1000
    reader.close()


async def test_a_body_beyond_the_limit_is_refused_and_forgotten(monkeypatch):
    monkeypatch.setattr(bodies, "MAX_BYTES", 100)
    reader = Reader()
    with pytest.raises(Refused) as refused:
        await reader.receive(request(b"x" * 60, b"x" * 60))
    assert refused.value.status == 413
    assert reader._bytes == 0


async def test_all_bodies_together_are_bounded(monkeypatch):
    monkeypatch.setattr(bodies, "_ALL_BYTES", 100)
    reader = Reader()
    first = await reader.receive(request(b"x" * 60))
    with pytest.raises(Refused) as refused:
        await reader.receive(request(b"x" * 60))
    assert refused.value.status == 503
    reader.release(first)
    await reader.receive(request(b"x" * 60))


async def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "_IDLE_SECONDS", 0.01)
    reader = Reader()
    with pytest.raises(Refused) as refused:
        await reader.receive(request())
    assert refused.value.status == 408


async def test_a_body_that_trickles_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "_WHOLE_SECONDS", 0.05)

    async def trickle():
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    reader = Reader()
    with pytest.raises(Refused) as refused:
        await reader.receive(Request({"type": "http", "method": "POST", "headers": []}, trickle))
    assert refused.value.status == 408
    assert reader._bytes == 0


async def test_a_client_that_goes_within_its_body_leaves_nothing():
    messages = iter([{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    reader = Reader()
    with pytest.raises(ClientGone):
        await reader.receive(Request({"type": "http", "method": "POST", "headers": []}, receive))
    assert reader._bytes == 0


async def test_work_is_cancelled_when_its_client_goes():
    ended = asyncio.Event()

    async def work(body):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    reply = await Desk(1).serve(request(BODY, then={"type": "http.disconnect"}), Run, work)
    assert reply.status_code == 499
    await ended.wait()


async def test_a_request_beyond_the_queue_is_told_to_come_again():
    desk = Desk(1)
    waits = asyncio.Event()

    async def work(body):
        await waits.wait()
        return Outcome(kind="passed")

    first = asyncio.ensure_future(desk.serve(request(BODY), Run, work))
    await asyncio.sleep(0)
    second = await desk.serve(request(BODY), Run, passed)
    assert (second.status_code, second.headers["retry-after"]) == (503, "1")
    waits.set()
    assert (await first).status_code == 200
    assert (await desk.serve(request(BODY), Run, passed)).status_code == 200


async def test_a_mistake_of_the_caller_is_told_in_ascii():
    async def work(body):
        raise DataError("half a character: \ud800" + "x" * 5000)

    reply = await Desk(1).serve(request(BODY), Run, work)
    assert reply.status_code == 422
    assert len(reply.body) < 1200


async def post(url, path, data):
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession() as session, session.post(f"{url}{path}", data=data, headers=headers) as response:
        return response.status, await response.json()


async def test_ten_thousand_tests_are_answered_and_more_refused(sandbox_url):
    many = {"program": RIGHT, "entry_point": "f", "tests": [{"kind": "call", "args": "[1]", "expected": "2"}] * 10_000}
    status, answer = await post(sandbox_url, "/run", json.dumps(many))
    assert (status, answer["kind"], len(answer["tests"])) == (200, "passed", 10_000)
    many["tests"].append(TEST)
    status, answer = await post(sandbox_url, "/run", json.dumps(many))
    assert status == 422


@pytest.mark.parametrize(
    "program", ["raise ValueError('\\ud800')", "assert False, '\\udcff'", "class A: pass\nA.__qualname__ = '\\ud800'\nf = A"]
)
async def test_half_a_character_of_a_program_is_no_trouble(sandbox_url, program):
    status, answer = await post(sandbox_url, "/run", json.dumps({"program": program, "tests": [TEST]}))
    assert (status, answer["kind"]) == (200, "failed")


async def test_programs_of_clients_that_went_do_not_run_on(sandbox_url):
    host, port = sandbox_url.removeprefix("http://").split(":")
    sleeper = {"program": "import time\ntime.sleep(1000)", "tests": [TEST], "limits": {"wall_seconds": 1000}}
    body = json.dumps(sleeper).encode()
    for _ in range(6):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /run HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()
    status, answer = await post(sandbox_url, "/run", BODY)
    assert (status, answer["kind"]) == (200, "passed")


async def test_the_openapi_document_tells_what_is_taken(sandbox_url):
    async with httpx.AsyncClient() as client:
        document = (await client.get(f"{sandbox_url}/openapi.json")).json()
    schemas = document["components"]["schemas"]
    for path, name in {"/run": "Run", "/observe": "Observe", "/execute": "Execute", "/run_code": "RunCode"}.items():
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["$ref"] == f"#/components/schemas/{name}"
    assert schemas["Limits"]["properties"]["wall_seconds"]["maximum"] == 604800

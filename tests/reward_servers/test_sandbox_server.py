import asyncio
import base64
import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time

import aiohttp
import psutil
import pytest

from code_reward.errors import DataError
from code_reward.problem import AssertTest, CallTest
from reward_servers.sandbox import connect
from reward_servers.sandbox.client import HttpSandbox
from reward_servers.sandbox.outcome import Limits
from reward_servers.sandbox.self_check import self_check

ADD_ONE = "def f(x):\n    return x + 1\n"


@pytest.fixture(scope="module")
def url(sandbox_url):
    return sandbox_url


@pytest.fixture
async def client(url):
    client = connect(url)
    yield client
    await client.close()


async def post(url, path, body):
    async with aiohttp.ClientSession() as session, session.post(url + path, json=body) as response:
        return response.status, await response.json()


async def run_code(url, code, **rest):
    status, body = await post(url, "/run_code", {"code": code, "language": "python", **rest})
    assert status == 200, body
    return body


async def test_the_client_passes_the_conformance_suite(client):
    assert await self_check(client) == []


async def test_many_at_once(client):
    outcomes = await asyncio.gather(*(client.run(ADD_ONE, [AssertTest(code=f"assert f({n}) == {n + 1}")]) for n in range(100)))
    assert all(outcome.passed for outcome in outcomes)


async def test_a_program_runs_as_a_script_over_http_as_in_process(client):
    execution = await client.execute("import sys\nprint(input()[::-1])\nsys.exit(3)", "abc\n")
    assert (execution.kind, execution.exit_code, execution.stdout) == ("crashed", 3, "cba\n")


async def test_a_malformed_test_is_an_error_in_process_and_over_http(client):
    local = connect(workers=1)
    for sandbox in (client, local):
        with pytest.raises(DataError, match="A test cannot be used"):
            await sandbox.run(ADD_ONE, [CallTest(args="[open('x')]", expected="1")], entry_point="f")
    await local.close()


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="not checked is what large bodies leave: it is glibc's allocator that is told"
)
def test_what_large_bodies_took_is_given_back():
    command = [sys.executable, "-m", "reward_servers.sandbox", "--workers", "1", "--require", "limited"]
    commented = {"program": "#" * (10 << 20), "tests": [{"kind": "asserts", "code": "assert True"}]}
    bodies = [b"[" * (10 << 20), b'{"program":' + b"[" + b"1," * (5 << 20) + b"1]}", json.dumps(commented).encode()] * 3

    async def send(url, body):
        async with aiohttp.ClientSession() as session, session.post(url + "/run", data=body) as response:
            return response.status

    async def send_all(url):
        return await asyncio.gather(*(send(url, body) for body in bodies))

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            url = process.stdout.readline().split()[1]
            memory = psutil.Process(process.pid).memory_info
            before = memory().rss
            for _ in range(2):
                assert set(asyncio.run(send_all(url))) == {422, 200}
            while memory().rss >= before + (45 << 20):  # What the last answers took is given back soon after they are here.
                time.sleep(0.1)
        finally:
            process.send_signal(signal.SIGTERM)


async def test_a_server_that_is_not_there_is_a_sandbox_error(monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.client._PAUSE", 0.001)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        client = connect(f"http://127.0.0.1:{closed.getsockname()[1]}")
        outcome = await client.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")])
    await client.close()
    assert outcome.kind == "sandbox_error"


@pytest.mark.parametrize(("is_well", "said"), [(False, "does not answer any more"), (True, "is well, but gave no answer")])
async def test_a_server_that_gives_no_answer_is_a_sandbox_error(monkeypatch, is_well, said):
    monkeypatch.setattr("reward_servers.sandbox.client._PAUSE", 0.001)
    monkeypatch.setattr("reward_servers.sandbox.client._BEAT_SECONDS", 0.02)
    monkeypatch.setattr("reward_servers.sandbox.client._CONNECT_SECONDS", 0.5 if not is_well else 10)
    monkeypatch.setattr("reward_servers.sandbox.client._GRACE_SECONDS", 0.5 if is_well else 180)
    posts = 0
    writers = []

    async def answer(reader, writer):
        nonlocal posts
        writers.append(writer)  # One that nobody holds is closed, from Python 3.13 on.
        asked = await reader.readline()
        posts += asked.startswith(b"POST")
        if is_well and asked.startswith(b"GET /health"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    # One after the other: the question after the server's health must not wait behind what it is about.
    client = HttpSandbox(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", concurrency=1)
    run = client.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")], limits=Limits(wall_seconds=0.05))
    outcome = await asyncio.wait_for(run, 120)
    assert outcome.kind == "sandbox_error"
    assert said in outcome.message
    assert posts == (1 if is_well else 4)
    await client.close()
    server.close()


async def test_a_request_that_is_given_up_ends_even_while_the_server_says_that_it_is_well(monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.client._BEAT_SECONDS", 0.001)

    async def answer(client, method, path, **more):
        nonlocal given_up
        if method == "POST":
            await asyncio.sleep(60)
        if not given_up:
            given_up = run.cancel()  # In the very turn of the loop in which the answer is there.
        return 200, "{}"

    given_up = False
    monkeypatch.setattr(HttpSandbox, "_talk", answer)
    client = HttpSandbox("http://127.0.0.1:1")
    run = asyncio.create_task(client.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")]))
    done, _ = await asyncio.wait({run}, timeout=60)
    await client.close()
    assert run in done
    assert run.cancelled()


async def test_a_host_that_takes_no_connection_is_a_sandbox_error(monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.client._PAUSE", 0.001)
    monkeypatch.setattr("reward_servers.sandbox.client._CONNECT_SECONDS", 0.1)
    with socket.socket() as deaf, contextlib.ExitStack() as waiting:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # Fill the queue of connections that nobody takes.
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        client = connect(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        run = client.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")])
        assert (await asyncio.wait_for(run, 20)).kind == "sandbox_error"
        await client.close()


async def test_run_code_prints_like_sandbox_fusion(url):
    body = await run_code(url, "import sys\nprint(input()[::-1])\nprint('!', file=sys.stderr)", stdin="abc")
    assert (body["status"], body["message"], body["compile_result"], body["files"]) == ("Success", "", None, {})
    result = body["run_result"]
    assert (result["status"], result["return_code"], result["stdout"], result["stderr"]) == ("Finished", 0, "cba\n", "!\n")
    assert result["execution_time"] >= 0


async def test_run_code_tells_failure_from_time_out_and_from_its_own_trouble(url):
    failed = await run_code(url, "raise SystemExit(3)")
    assert (failed["status"], failed["run_result"]["status"], failed["run_result"]["return_code"]) == ("Failed", "Finished", 3)
    slow = await run_code(url, "while True: pass", run_timeout=0.2)
    assert (slow["status"], slow["run_result"]["status"], slow["run_result"]["return_code"]) == ("Failed", "TimeLimitExceeded", None)
    other = await run_code(url, "int main() {}", language="cpp")
    assert (other["status"], other["run_result"]) == ("SandboxError", None)


async def test_run_code_takes_and_gives_files(url):
    code = "text = open('in/a.txt').read()\nopen('out.txt', 'w').write(text.upper())"
    body = await run_code(url, code, files={"in/a.txt": base64.b64encode(b"abc").decode()}, fetch_files=["out.txt", "absent"])
    assert body["status"] == "Success"
    assert {name: base64.b64decode(content) for name, content in body["files"].items()} == {"out.txt": b"ABC"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/run_code", {"code": "", "language": "python", "files": {"../x": ""}}),
        ("/run_code", {"code": "", "language": "python", "files": {"x": "not base64!"}}),
        ("/run_code", {"language": "python"}),
        ("/run", {"program": "", "tests": [{"kind": "riddle"}]}),
        ("/run", {"program": "", "tests": [], "speed": 3}),
    ],
)
async def test_a_malformed_request_is_answered_422(url, path, body):
    status, answer = await post(url, path, body)
    assert status == 422
    assert answer


def test_ctrl_c_ends_the_server_without_a_traceback_of_its_workers():
    command = [sys.executable, "-m", "reward_servers.sandbox", "--workers", "2", "--require", "limited"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **pipes)
    assert process.stdout.readline().startswith("ready ")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert "Traceback" not in said


async def test_health_tells_the_isolation_and_metrics_count(url):
    async with aiohttp.ClientSession() as session:
        async with session.get(url + "/health") as response:
            health = await response.json()
        async with session.get(url + "/metrics") as response:
            text = await response.text()
    assert health["status"] == "ok"
    assert health["level"] in ("limited", "confined", "isolated")
    assert "limits" in health["layers"]
    assert 'code_reward_sandbox_outcomes_total{kind="passed"}' in text


def test_a_port_in_use_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = subprocess.run(
            [sys.executable, "-m", "reward_servers.sandbox", "--port", port], capture_output=True, text=True, timeout=60
        )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "choose another" in result.stderr


async def test_observing_over_http(client):
    observations = await client.observe(ADD_ONE, ["f(1)", "f('a')"])
    assert [call.value for call in observations.calls] == ["2", None]
    with pytest.raises(DataError):
        await client.observe(ADD_ONE, ["f("])

"""One answer per request, and every number of a request within its bounds before anything is spent on it."""

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time

import aiohttp
import pytest
from pydantic import ValidationError

from code_reward.errors import DataError
from code_reward.problem import AssertTest, CallTest, StdioTest
from reward_servers.sandbox import connect
from reward_servers.sandbox.fusion import RunCode
from reward_servers.sandbox.handle import WorkerHandle, WorkerLost
from reward_servers.sandbox.intake import check_names
from reward_servers.sandbox.outcome import Limits
from reward_servers.sandbox.pool import _Item
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.verdicts import Verdicts

RIGHT = "def f(x):\n    return x + 1\n"
WRONG = "def f(x):\n    return x\n"
TEST = AssertTest(code="assert f(1) == 2")
JOB = {"limits": {"wall_seconds": 5.0}}
HALF = "def f(x):\n    return '\ud800'\n"


@pytest.fixture(scope="module")
def sandbox():
    sandbox = connect(workers=1)
    yield sandbox
    asyncio.run(sandbox.close())


class Stub:
    """A worker's process that nobody started."""

    def kill(self):
        pass

    def wait(self):
        pass


def handle_of(worker):
    """A handle whose worker is a function of its end of the line."""
    handle = WorkerHandle()
    handle._line, theirs = socket.socketpair()
    handle._process = Stub()

    def work():
        with contextlib.suppress(OSError, struct.error):  # The handle hung up.
            worker(theirs)

    threading.Thread(target=work, daemon=True).start()
    return handle


def hear(line):
    size = struct.unpack("!I", line.recv(4, socket.MSG_WAITALL))[0]
    return json.loads(line.recv(size, socket.MSG_WAITALL))


def say(line, message):
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    line.sendall(struct.pack("!I", len(data)) + data)


def test_a_worker_answers_by_number():
    def worker(line):
        while True:
            say(line, {"id": hear(line)["id"], "answer": {"kind": "passed"}})

    handle = handle_of(worker)
    assert [handle.ask(JOB), handle.ask(JOB)] == [{"kind": "passed"}] * 2
    assert handle.is_running


@pytest.mark.parametrize(
    "answer",
    [
        lambda job: {"id": job["id"] - 1, "answer": {"kind": "passed"}},
        lambda job: {"answer": {"kind": "passed"}},
        lambda job: {"id": job["id"], "answer": "passed"},
        lambda job: {"kind": "passed"},
        lambda job: b"[]",
        lambda job: b"{",
        lambda job: b"\xff",
    ],
)
def test_a_worker_that_answers_something_else_is_stopped(answer):
    handle = handle_of(lambda line: say(line, answer(hear(line))))
    with pytest.raises(WorkerLost):
        handle.ask(JOB)
    assert not handle.is_running


def test_a_worker_that_answers_twice_is_stopped_before_the_next_job():
    said = threading.Event()

    def worker(line):
        number = hear(line)["id"]
        say(line, {"id": number, "answer": {"kind": "passed"}})
        say(line, {"id": number + 1, "answer": {"kind": "passed"}})
        said.set()
        hear(line)

    handle = handle_of(worker)
    handle.ask(JOB)
    said.wait()
    with pytest.raises(WorkerLost, match="before it was asked"):
        handle.ask(JOB)
    assert not handle.is_running


def test_an_answer_without_end_is_not_waited_for():
    handle = handle_of(lambda line: line.sendall(b"\xff\xff\xff\xff") if hear(line) else None)
    with pytest.raises(WorkerLost, match="bytes"):
        handle.ask(JOB)


def test_whatever_is_raised_over_a_job_the_worker_is_stopped(monkeypatch):
    """An answer that nobody took would be given to the next question."""
    handle = handle_of(lambda line: say(line, {"id": hear(line)["id"], "answer": {"kind": "passed"}}))
    monkeypatch.setattr("reward_servers.sandbox.handle._SILENCE_SECONDS", 1e300)
    with pytest.raises(OverflowError):
        handle.ask(JOB)
    assert not handle.is_running


def test_signs_of_work_are_no_answers():
    def worker(line):
        number = hear(line)["id"]
        for _ in range(10):
            say(line, {"id": number})
        say(line, {"id": number, "answer": {"kind": "passed"}})

    assert handle_of(worker).ask(JOB) == {"kind": "passed"}


def test_a_worker_that_gives_no_sign_is_stopped(monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.handle._SILENCE_SECONDS", 0.1)
    handle = handle_of(lambda line: hear(line) and hear(line))
    with pytest.raises(WorkerLost, match="timed out"):
        handle.ask(JOB)
    assert not handle.is_running


def test_a_referee_gives_signs_while_a_program_runs():
    signs = []
    job = Job("", None, Limits().model_dump(), 0.0, None, Verdicts(1, True), lambda: signs.append(1), signed=time.monotonic())
    job._look()
    assert not signs
    job.signed -= 11
    assert job._look() is None
    assert len(signs) == 1


async def test_a_failure_over_one_job_shifts_no_other(sandbox, monkeypatch):
    receive, times = WorkerHandle._receive, []

    def stumble(self, seconds):
        times.append(seconds)
        if len(times) == 1:
            raise RuntimeError("stumbled")
        return receive(self, seconds)

    await sandbox.isolation()
    monkeypatch.setattr(WorkerHandle, "_receive", stumble)
    with pytest.raises(RuntimeError, match="stumbled"):
        await sandbox.run(WRONG, [TEST])
    for program, kind in [(RIGHT, "passed"), (WRONG, "failed")] * 2:
        assert (await sandbox.run(program, [TEST])).kind == kind


@pytest.mark.parametrize("field", ["cpu_seconds", "wall_seconds", "memory_mb", "output_kb", "processes"])
@pytest.mark.parametrize("number", [1e300, float("inf"), float("nan"), -1, 10**18, 10**400])
def test_limits_have_limits(field, number):
    with pytest.raises(ValidationError):
        Limits(**{field: number})


@pytest.mark.parametrize("field", ["run_timeout", "memory_limit_MB"])
@pytest.mark.parametrize("number", [1e300, float("inf"), float("nan"), -2, 10**18])
def test_those_of_run_code_too(field, number):
    with pytest.raises(ValidationError):
        RunCode(code="", **{field: number})


def test_a_tolerance_is_a_number():
    for number in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ValidationError):
            CallTest(args="[1]", expected="1", atol=number)


async def test_no_tests_are_an_error_and_never_passed(sandbox):
    client = connect("http://127.0.0.1:1")
    for one in (sandbox, client):
        with pytest.raises(DataError, match="no tests"):
            await one.run(RIGHT, [])
    await client.close()


async def test_a_program_that_is_no_text_is_wrong_at_once(sandbox):
    client = connect("http://127.0.0.1:1")
    for one in (sandbox, client):
        assert (await one.run(HALF, [TEST])).kind == "failed"
        every = await one.run(HALF, [TEST, TEST], limits=Limits(stop_at_first_failure=False))
        assert [test.kind for test in every.tests] == ["failed", "failed"]
        assert [call.kind for call in (await one.observe(HALF, ["f(1)", "f(2)"])).calls] == ["failed", "failed"]
        assert (await one.execute(HALF)).kind == "crashed"
    await client.close()


async def test_a_test_that_is_no_text_is_an_error(sandbox):
    client = connect("http://127.0.0.1:1")
    for one in (sandbox, client):
        for test in (AssertTest(code="assert '\ud800'"), StdioTest(stdin="\udfff", stdout="")):
            with pytest.raises(DataError, match="half a character"):
                await one.run(RIGHT, [test])
        with pytest.raises(DataError, match="half a character"):
            await one.observe(RIGHT, ["f('\ud800')"])
        with pytest.raises(DataError, match="half a character"):
            await one.execute(RIGHT, "\ud800")
    await client.close()


@pytest.mark.parametrize(
    "names", [["/x"], ["../x"], ["a/../../x"], [""], ["a\0b"], ["\ud800"], ["x" * 300], ["a", "a/b"], ["a/b/c", "a/b"]], ids=ascii
)
def test_what_is_no_name_of_a_file_in_the_folder_is_an_error(names):
    with pytest.raises(DataError):
        check_names(names, [])


def test_names_below_the_folder_are_fine():
    check_names(["a", "b/c", "b/d", "ab"], ["b/c", "out"])


async def test_the_program_of_a_caller_who_went_is_ended(sandbox, monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.pool._PARTING_SECONDS", 0.05)
    await sandbox.isolation()
    job = asyncio.ensure_future(sandbox.run("import time\ntime.sleep(500)", [TEST], limits=Limits(wall_seconds=500)))
    waiting = asyncio.ensure_future(sandbox.run(WRONG, [TEST]))
    await asyncio.sleep(0.3)
    job.cancel()
    assert (await waiting).kind == "failed"
    assert (await sandbox.run(RIGHT, [TEST])).passed


async def test_the_program_of_a_caller_who_went_while_its_worker_started_is_not_begun(monkeypatch):
    starting, may_start, left = threading.Event(), threading.Event(), threading.Event()
    start, abandon = WorkerHandle.start, _Item.abandon

    def start_slowly(worker):
        starting.set()
        may_start.wait(60)
        return start(worker)

    def leave(item):
        abandon(item)
        left.set()

    monkeypatch.setattr(WorkerHandle, "start", start_slowly)
    monkeypatch.setattr(_Item, "abandon", leave)
    monkeypatch.setattr("reward_servers.sandbox.pool._PARTING_SECONDS", 0.0)
    sandbox = connect(workers=1)
    job = asyncio.ensure_future(sandbox.run("import time\ntime.sleep(500)", [TEST], limits=Limits(wall_seconds=500)))
    await asyncio.to_thread(starting.wait, 60)
    job.cancel()
    await asyncio.to_thread(left.wait, 60)
    may_start.set()
    try:
        assert (await asyncio.wait_for(sandbox.run(RIGHT, [TEST]), 120)).passed
    finally:
        await sandbox.close()


BODIES = {
    "no JSON": b"{",
    "a list": b"[]",
    "no UTF-8": b'{"program":"\xff"}',
    "half a character": b'{"program":"","tests":[{"kind":"\\ud800"}]}',
    "half a character for a field": b'{"program":"","tests":[],"\\ud800":1}',
    "not a number": b'{"program":"","tests":[NaN]}',
    "no tests": b'{"program":"","tests":[]}',
    "nested": b"[" * 100_000,
    "many digits": b'{"program":"","tests":[],"limits":{"memory_mb":' + b"9" * 5000 + b"}}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_that_means_nothing_is_the_callers_mistake(sandbox_url, body):
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession() as session, session.post(f"{sandbox_url}/run", data=body, headers=headers) as response:
        text = await response.text()
    assert response.status in (400, 422), text
    assert len(text) < 2000


@pytest.mark.parametrize("limits", ['{"wall_seconds":1e300}', '{"cpu_seconds":NaN}', '{"cpu_seconds":Infinity}', '{"memory_mb":1e18}'])
async def test_a_number_out_of_bounds_is_the_callers_mistake_and_shifts_nothing(sandbox_url, limits):
    body = json.dumps({"program": WRONG, "tests": [TEST.model_dump()]})[:-1] + f',"limits":{limits}}}'
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{sandbox_url}/run", data=body, headers={"content-type": "application/json"}) as response:
            assert response.status == 422
        for program, kind in [(WRONG, "failed"), (RIGHT, "passed")] * 2:
            async with session.post(f"{sandbox_url}/run", json={"program": program, "tests": [TEST.model_dump()]}) as response:
                assert (await response.json())["kind"] == kind


@pytest.mark.parametrize("depth", [900, 2000, 8000, 100_000])
async def test_a_test_that_nests_too_deeply_is_refused(sandbox, depth):
    deep = "-" * depth + "1"
    for test in (CallTest(args=f"[{deep}]", expected="1"), CallTest(args="[1]", expected=deep)):
        with pytest.raises(DataError, match=r"A test cannot be used: .*(deep|recursion)"):
            await sandbox.run(RIGHT, [test], entry_point="f")
    if depth >= 8000:
        with pytest.raises(DataError, match="A call cannot be used: it nests too deeply"):
            await sandbox.observe(RIGHT, [f"f({deep})"])
    assert (await sandbox.run(RIGHT, [TEST], entry_point="f")).passed

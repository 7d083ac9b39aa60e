import asyncio
import queue

import pytest

from code_reward.errors import DataError, SandboxError
from code_reward.problem import AssertTest, CallTest, CheckTest, PytestTest, StdioTest, UnittestTest
from reward_servers.sandbox import connect
from reward_servers.sandbox.handle import WorkerHandle
from reward_servers.sandbox.outcome import Limits

ADD_ONE = "def f(x):\n    return x + 1\n"
QUICK = Limits(cpu_seconds=0.2, wall_seconds=5)


@pytest.fixture(scope="module")
def sandbox():
    sandbox = connect(workers=2)
    yield sandbox
    asyncio.run(sandbox.close())


RIGHT = [
    AssertTest(code="assert f(1) == 2\nassert f(-1) == 0"),
    AssertTest(code="for i in range(3):\n    assert f(i) == i + 1"),
    CheckTest(code="def check(candidate):\n    assert candidate(1) == 2"),
    CheckTest(code="def check(candidate):\n    for i in range(3):\n        assert candidate(i) == i + 1"),
    CallTest(args="[1]", expected="2"),
    CallTest(args="{'x': 1}", expected="2"),
    CallTest(args="[1.0]", expected="2.001", atol=0.01),
    UnittestTest(code="import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n        self.assertEqual(f(1), 2)\n"),
    PytestTest(code="from solution import f\ndef test_f():\n    assert f(1) == 2\n"),
]


@pytest.mark.parametrize("test", RIGHT, ids=lambda test: test.kind)
async def test_a_right_program_passes_and_a_wrong_one_fails(sandbox, test):
    assert (await sandbox.run(ADD_ONE, [test], entry_point="f")).kind == "passed"
    assert (await sandbox.run("def f(x):\n    return x", [test], entry_point="f")).kind == "failed"


async def test_pytest_that_is_not_installed_is_our_trouble(monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.handle._libraries", list)
    bare = connect(workers=1)
    needs_pytest = PytestTest(code="from solution import f\ndef test_f(tmp_path):\n    assert f(1) == 2\n")
    for mode in ("auto", "inline"):
        outcome = await bare.run(ADD_ONE, [needs_pytest], mode=mode)
        assert outcome.kind == "sandbox_error"
        assert "pip install 'code-reward[sandbox]'" in outcome.message
    assert (await bare.run(ADD_ONE, RIGHT[:-1], entry_point="f")).passed
    await bare.close()


async def test_stdio_compares_up_to_trailing_white_space(sandbox):
    tests = [StdioTest(stdin="4\n", stdout="8"), StdioTest(stdin="5\n", stdout="10  \n\n")]
    assert (await sandbox.run("print(int(input()) * 2)", tests)).passed
    outcome = await sandbox.run("print(8)", tests)
    assert [test.kind for test in outcome.tests] == ["passed", "wrong_output"]
    assert "expected '10', got '8'" in outcome.message


async def test_every_test_has_a_result_when_asked(sandbox):
    tests = [AssertTest(code=f"assert f({x}) == 2") for x in range(4)]
    every = await sandbox.run(ADD_ONE, tests, limits=Limits(stop_at_first_failure=False))
    assert [test.kind for test in every.tests] == ["failed", "passed", "failed", "failed"]
    assert len((await sandbox.run(ADD_ONE, tests)).tests) == 1


async def test_a_failure_says_what_was_expected(sandbox):
    outcome = await sandbox.run(ADD_ONE, [AssertTest(code="assert f(1) == 3")])
    assert outcome.message == "f(1): expected 3, got 2"


async def test_no_number_where_one_is_wanted_is_a_failure(sandbox):
    outcome = await sandbox.run("def f(x):\n    return None", [AssertTest(code="assert abs(f(1) - 2.5) < 1e-6")])
    assert (outcome.kind, outcome.message) == ("failed", "f(1): expected about 2.5, got null")


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("def f(x):\n    while True: pass", "timeout"),
        ("def f(x):\n    return [0] * 10**10", "out_of_memory"),
        ("import os\ndef f(x):\n    os._exit(0)", "crashed"),
        ("import socket\ndef f(x):\n    socket.socket()\n    return 2", "refused"),
        ("import os\ndef f(x):\n    os.fork()\n    return 2", "refused"),
        ("def f(x:", "failed"),
    ],
)
async def test_each_end_has_its_kind(sandbox, program, kind):
    assert (await sandbox.run(program, [AssertTest(code="assert f(1) == 2")], limits=QUICK)).kind == kind


async def test_a_sleeping_program_ends_at_the_wall(sandbox):
    outcome = await sandbox.run("import time\ntime.sleep(60)", [AssertTest(code="assert f(1) == 2")], limits=Limits(wall_seconds=0.3))
    assert outcome.kind == "timeout"


async def test_a_test_that_hangs_leaves_the_next_ones_their_time(sandbox):
    program = "def f(x):\n    while x == 0: pass\n    return x + 1"
    tests = [AssertTest(code=f"assert f({x}) == {x + 1}") for x in (1, 0, 2)]
    outcome = await sandbox.run(program, tests, limits=Limits(cpu_seconds=0.1, stop_at_first_failure=False))
    assert [test.kind for test in outcome.tests] == ["passed", "timeout", "passed"]


async def test_a_program_that_sleeps_within_its_limit_has_it_in_every_counter_test(sandbox):
    test = AssertTest(code="import time\ntime.sleep(0.5)\nx = f(1)\nassert x == 2")
    outcome = await sandbox.run(ADD_ONE, [test], limits=Limits(wall_seconds=2))
    assert outcome.passed, outcome
    assert not outcome.tests[0].sealed


async def test_hundreds_at_once(sandbox):
    tests = [AssertTest(code="assert f(1) == 2")]
    outcomes = await asyncio.gather(*(sandbox.run(ADD_ONE, tests) for _ in range(200)))
    assert all(outcome.passed for outcome in outcomes)


def test_several_event_loops(sandbox):
    for _ in range(2):
        assert asyncio.run(sandbox.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")])).passed


OBSERVED = """
def f(x):
    if x == 3:
        while True:
            pass
    if x == 4:
        return {"b": 1.0, "a": {3, 2}}
    return object() if x == 5 else 10 // x
"""


async def test_observing_says_what_each_call_returns(sandbox):
    calls = ["f(1)", "f(3)", "f(4)", "f(5)", "f(0)", "f(f(2))", "g(1)"]
    observations = await sandbox.observe(OBSERVED, calls, limits=QUICK)
    assert observations.kind == "observed"
    assert [call.value for call in observations.calls] == ["10", None, "{'a': {2, 3}, 'b': 1}", None, None, None, None]
    assert [call.kind for call in observations.calls] == ["passed", "timeout", "passed", *["failed"] * 4]
    assert "ZeroDivisionError" in observations.calls[4].message


async def test_a_program_that_does_not_load_is_observed_to_fail(sandbox):
    observations = await sandbox.observe("def f(x:", ["f(1)", "f(2)"])
    assert [call.kind for call in observations.calls] == ["failed", "failed"]


async def test_long_values_stay_apart_and_equal_ones_equal(sandbox):
    observations = await sandbox.observe("def f(x):\n    return 'a' * 5000 + x", ["f('b')", "f('c')", "f('b')"])
    first, second, third = (call.value for call in observations.calls)
    assert first == third != second
    assert len(first) < 3000


def no_process(*arguments, **options):
    raise BlockingIOError(11, "Resource temporarily unavailable")


async def test_a_worker_that_cannot_be_started_is_our_trouble(monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.handle.subprocess.Popen", no_process)
    short = connect(workers=1)
    outcome = await short.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")])
    assert outcome.kind == "sandbox_error"
    assert "Resource temporarily unavailable" in outcome.message
    monkeypatch.undo()
    assert (await short.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")])).passed
    await short.close()


@pytest.mark.parametrize("answer", [b"[", b"{}", b'{"kind": "strange"}'])
async def test_a_malformed_answer_of_a_worker_is_our_trouble(monkeypatch, answer):
    babbling = connect(workers=1)
    await babbling.isolation()
    read = WorkerHandle._receive_exactly
    monkeypatch.setattr(WorkerHandle, "_receive_exactly", lambda self, size: read(self, size) if size == 4 else answer)
    assert (await babbling.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")])).kind == "sandbox_error"
    await babbling.close()


async def test_forged_files_are_no_trouble_of_ours(sandbox):
    program = 'import os\nos.write(200, b\'["file","out","#"]\\n\')'
    assert (await sandbox.execute(program, fetch=["out"])).files == {}


class TakenMeanwhile(queue.SimpleQueue):
    """Its last job is taken by a worker after `empty` has answered."""

    def empty(self):
        return False


@pytest.mark.timeout(30)
async def test_closing_does_not_wait_for_a_job_that_a_worker_took(monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.pool.queue.SimpleQueue", TakenMeanwhile)
    sandbox = connect(workers=1)
    await sandbox.close()
    with pytest.raises(SandboxError, match="closed"):
        await sandbox.run(ADD_ONE, RIGHT)


async def test_what_is_no_call_is_an_error(sandbox):
    with pytest.raises(DataError, match="call"):
        await sandbox.observe(ADD_ONE, ["f"])

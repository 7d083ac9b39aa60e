import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from code_reward.errors import SandboxError
from code_reward.problem import AssertTest
from reward_servers.sandbox import connect
from reward_servers.sandbox.isolation import assess, require
from reward_servers.sandbox.outcome import Limits, Outcome
from reward_servers.sandbox.pool import LocalSandbox
from reward_servers.sandbox.self_check import CASES, self_check

FULL = {"namespaces": "pid", "root": "own", "seccomp": "filter", "landlock": "abi 7", "limits": "cpu"}


def without(*names):
    return {name: "no: refused" if name in names else what for name, what in FULL.items()}


@pytest.mark.parametrize(
    ("layers", "level"),
    [
        (FULL, "isolated"),
        (without("landlock"), "isolated"),
        (without("namespaces", "root"), "confined"),
        (without("seccomp"), "limited"),
        (without("root", "landlock"), "limited"),
        ({"limits": "cpu"}, "limited"),
    ],
)
def test_the_level_follows_from_the_layers(layers, level):
    assert assess(layers).level == level


def test_less_than_required_is_refused_with_the_reason():
    with pytest.raises(SandboxError, match=r"only limited, not isolated.*seccomp no: refused"):
        require(assess(without("seccomp")), "isolated")


@pytest.mark.parametrize(
    "missing",
    [[], ["namespaces"], ["namespaces", "seccomp", "landlock", "user"]],
    ids=" ".join,
)
async def test_what_remains_of_the_layers_passes_the_check_for_its_level(missing):
    sandbox = LocalSandbox(2, without=missing)
    try:
        isolation = await sandbox.isolation()
        assert await self_check(sandbox, isolation.level) == []
        if {"namespaces", "seccomp"} <= set(missing):
            assert isolation.level == "limited"
    finally:
        await sandbox.close()


async def test_a_sandbox_below_the_required_level_runs_nothing():
    sandbox = LocalSandbox(1, require="isolated", without=["seccomp"])
    outcome = await sandbox.run("x = 1", [AssertTest(code="assert f(1) == 2")])
    assert outcome.kind == "sandbox_error"
    assert "not isolated" in outcome.message
    with pytest.raises(SandboxError):
        await sandbox.isolation()
    await sandbox.close()


@pytest.mark.parametrize("missing", [[], ["namespaces"], ["namespaces", "user"]], ids=" ".join)
async def test_allowed_processes_do_not_outlive_their_program(missing):
    name = f"stray{os.getpid()}"
    program = f"""
import ctypes, os, time
ctypes.CDLL(None).prctl(15, b"{name}")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(30)
    os._exit(0)
time.sleep(0.05)
f = abs
"""
    sandbox = LocalSandbox(1, without=missing)
    try:
        outcome = await sandbox.run(program, [AssertTest(code="assert f(1) == 1")], limits=Limits(processes=4))
        assert outcome.passed, outcome
        assert name not in names_of_processes()
    finally:
        await sandbox.close()


TO_THE_ZYGOTE = {
    "limit": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))",
    "processors": "os.sched_setaffinity(os.getppid(), {0})",
    "priority": "os.sched_setparam(os.getppid(), os.sched_param(0))",
    "owner": "signal_as(fcntl.fcntl, fcntl.F_SETOWN, os.getppid())",
    "owner, as a structure": "signal_as(fcntl.fcntl, 15, struct.pack('ii', 1, os.getppid()))",
    "owner, by ioctl": "signal_as(fcntl.ioctl, 0x8901, struct.pack('i', os.getppid()))",
    "owner, by its other name": "signal_as(fcntl.ioctl, 0x8902, struct.pack('i', os.getppid()))",
}


@pytest.mark.parametrize("deed", TO_THE_ZYGOTE.values(), ids=TO_THE_ZYGOTE)
async def test_a_program_cannot_reach_its_zygote_by_the_filter_alone(deed):
    """Else one that fails could lose its worker and be an error of ours. `F_SETSIG` makes the signal to an owner any signal."""
    program = f"""
import fcntl, os, resource, socket, struct
def signal_as(call, command, owner):
    a, b = socket.socketpair()
    call(a, command, owner)
    fcntl.fcntl(a, 10, 9)
    fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)
    b.send(b"x")
{deed}
"""
    sandbox = LocalSandbox(1, without=["namespaces", "user", "landlock"])
    try:
        assert (await sandbox.run(program, [AssertTest(code="assert f(1) == 2")])).kind == "refused"
    finally:
        await sandbox.close()


async def test_a_program_may_do_to_itself_what_libraries_do():
    program = """
import fcntl, os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
os.sched_setaffinity(0, os.sched_getaffinity(0))
fcntl.fcntl(1, fcntl.F_GETFL)
f = abs
"""
    sandbox = LocalSandbox(1)
    assert (await sandbox.run(program, [AssertTest(code="assert f(-1) == 1")])).passed
    await sandbox.close()


def names_of_processes():
    names = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            names.append(path.read_text().strip())
    return names


class LyingSandbox:
    """Passes everything."""

    async def run(self, program, tests, *, entry_point=None, limits=None):
        return Outcome(kind="passed")

    async def close(self):
        pass


async def test_the_self_check_finds_a_sandbox_that_passes_everything():
    troubles = await self_check(LyingSandbox(), "isolated")
    assert len(troubles) == sum("passed" not in case.expected for case in CASES)


async def test_a_program_without_a_file_system_of_its_own_does_not_fill_the_disk():
    program = """
def f(x):
    for number in range(10**6):
        with open(f"file{number}", "wb") as file:
            for _ in range(x):
                file.write(bytes(1 << 20))
    return 1
"""
    sandbox = LocalSandbox(1, without=["namespaces"])
    try:
        for megabytes in (0, 8):
            test = AssertTest(code=f"assert f({megabytes}) == 1")
            outcome = await sandbox.run(program, [test], limits=Limits(cpu_seconds=60, wall_seconds=60))
            assert outcome.kind == "refused", outcome
            assert "files" in outcome.message
    finally:
        await sandbox.close()


async def test_nothing_is_left_on_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(os.listdir("/tmp"))
    for missing in ([], ["namespaces"]):
        sandbox = LocalSandbox(1, without=missing)
        await sandbox.run("open('here', 'w').write('x')\nf = abs", [AssertTest(code="assert f(1) == 1")])
        await sandbox.close()
    for _ in range(600):  # The zygote tidies up after its referee is gone.
        # Folders bear the pid of who started the sandbox: others may start theirs meanwhile.
        left = [name for name in set(os.listdir("/tmp")) - before if name.startswith(f"code-reward-{os.getpid()}-")]
        if not left:
            break
        await asyncio.sleep(0.1)
    assert not left


def test_closing_twice_is_harmless_and_running_then_is_an_error():
    async def use():
        sandbox = connect(workers=1)
        await sandbox.close()
        await sandbox.close()
        with pytest.raises(SandboxError, match="closed"):
            await sandbox.run("", [AssertTest(code="assert True")])

    asyncio.run(use())

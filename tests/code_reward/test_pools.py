"""Pools of processes: results in order, errors of a process that dies, and no word when the command is interrupted."""

import os
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest
from shared_memory import shared_memory_of

from code_reward.pools import Pool

ROOT = Path(__file__).parents[2]
BUSY = """
import os, sys, time
from code_reward.cli import Command, run
from code_reward.pools import Pool

class Busy(Command):
    pass

def main(settings):
    with Pool(2, fork=sys.argv[1] == "fork") as pool:
        print(*pool.map(pow, [2], [2]), flush=True)
        list(pool.map(time.sleep, [600] * 50))

if __name__ == "__main__":
    run(Busy, main, [])
"""

DYING = """
import os
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from code_reward.pools import make_executor

def die(*_):
    os._exit(1)

if __name__ == "__main__":
    pool = make_executor(1, get_context("spawn"))
    for work in [pool.submit(die, bytes(1_000_000)) for _ in range(9)]:
        print(type(work.exception()).__name__, flush=True)
"""


def hear_interrupts():
    """Also where the tests run in a shell's background, which ignores Ctrl-C for all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("fork", [False, True])
@pytest.mark.parametrize("chunksize", [1, 2, 100])
def test_results_come_in_order(chunksize, fork):
    with Pool(2, fork=fork) as pool:
        assert list(pool.map(divmod, range(7), [2] * 7, chunksize=chunksize)) == [divmod(n, 2) for n in range(7)]
        assert list(pool.map(len, ["abc"])) == [3]
        assert list(pool.map(len, [])) == []


def test_an_error_of_the_function_is_raised_and_the_rest_dropped():
    with pytest.raises(ZeroDivisionError), Pool(2) as pool:
        list(pool.map(divmod, [1] * 50, [0] * 50))


def test_a_process_that_dies_is_an_error():
    with pytest.raises(BrokenProcessPool), Pool(1) as pool:
        list(pool.map(os._exit, [1] * 5))


def test_a_program_ends_whose_process_died_of_work_that_is_larger_than_a_pipe(tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, str(tmp_path / "dying.py")], env=environment, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout.split()) == (0, ["BrokenProcessPool"] * 9)


@pytest.mark.parametrize("how", ["spawn", "fork"])
def test_an_interrupted_command_says_one_line_and_leaves_nothing(tmp_path, how):
    (tmp_path / "busy.py").write_text(BUSY)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True, "preexec_fn": hear_interrupts}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(tmp_path / "busy.py"), how], env=environment, **pipes) as process:
        process.stdout.readline()
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 2
        shared = shared_memory_of(process.pid)
        assert shared or how == "fork"
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate()
        assert (process.returncode, said) == (130, "error: interrupted; what was finished is kept.\n")
    _, left = psutil.wait_procs(started, timeout=30)
    assert left == []
    assert shared & set(os.listdir("/dev/shm")) == set()

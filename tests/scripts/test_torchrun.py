"""What is left of torchrun's own words: a Ctrl-C and a process that fails are each told in a sentence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WAITS = """
import os, sys, time
from code_reward.cli import Command, run

class Waits(Command):
    '''Wait.'''

def main(settings):
    open(os.environ["RANK"], "w").close()
    time.sleep(600)

run(Waits, main)
"""
FAILS = "import os, sys, time\nif os.environ['RANK'] == '1':\n    sys.exit('error: no room here.')\ntime.sleep(600)\n"


def start(folder, source):
    (folder / "job.py").write_text(source)
    command = [sys.executable, "-m", "scripts.launch.torchrun", "--standalone", "--nproc-per-node", "2", str(folder / "job.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_ctrl_c_is_one_line_of_the_first_process(tmp_path):
    job = start(tmp_path, WAITS)
    while not ((tmp_path / "0").exists() and (tmp_path / "1").exists()):
        assert job.poll() is None
        time.sleep(0.1)
    os.killpg(job.pid, signal.SIGINT)
    said = job.communicate()[1]
    assert job.returncode == 128 + signal.SIGINT
    assert said == "error: interrupted; what was finished is kept.\n"


def test_a_process_that_fails_ends_the_others_and_is_named(tmp_path):
    job = start(tmp_path, FAILS)
    said = job.communicate()[1]
    assert job.returncode == 1
    assert said == (
        "error: no room here.\nerror: process 1 ended with status 1; the others were ended with it. Its message stands above.\n"
    )


def test_a_process_that_is_killed_is_told_by_the_signal(tmp_path):
    job = start(
        tmp_path, "import os, signal, time\nif os.environ['RANK'] == '0':\n    os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(600)\n"
    )
    said = job.communicate()[1]
    assert job.returncode == 128 + signal.SIGKILL
    assert "process 0 ended with signal 9" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("words", [["--nproc-per-node", "none"], []])
def test_torchruns_own_usage_errors_stay(tmp_path, words):
    done = subprocess.run(
        [sys.executable, "-m", "scripts.launch.torchrun", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr

"""The launcher with real Ray and a script in the place of slime's: what it gives the script, and that nothing is left however it ends."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from slime_on_cpu import processes

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-integration/bin/python"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not PYTHON.exists(), reason="There is no .venv-integration; make it with make install-integration."),
]

SCRIPT = """
import os, subprocess, sys, time, ray
from beside import here

@ray.remote(num_gpus=1)
class Engine:
    def start(self):
        self.child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        return os.environ.get("SLIME_ON_CPU_TRAINS"), ray.util.get_node_ip_address()

engines = [Engine.remote() for _ in range(2)]
trains, address = ray.get([engine.start.remote() for engine in engines])[0]
print("script", sys.argv[-1], here, trains, os.environ["SLIME_ON_CPU_TRAINS"], address, ray.cluster_resources()["GPU"],
      os.environ["SLIME_ON_CPU_RUN"], flush=True)
"""


@pytest.fixture
def roots(tmp_path):
    (tmp_path / "beside.py").write_text("here = 'beside'")
    (tmp_path / "megatron/core").mkdir(parents=True)
    paths = os.pathsep.join([str(ROOT), str(ROOT / "slime_plugins")])
    return {**os.environ, "SLIME_ROOT": str(tmp_path), "MEGATRON_ROOT": str(tmp_path), "PYTHONPATH": paths}


def started(roots, ending):
    (Path(roots["SLIME_ROOT"]) / "train.py").write_text(SCRIPT + ending)
    command = [str(PYTHON), "-m", "slime_on_cpu.launch", "train.py", "--last", "mine"]
    return subprocess.Popen(command, env=roots, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said_by(process):
    """The script's own line."""
    for line in process.stdout:
        if line.startswith("script"):
            return line.split()
    raise AssertionError("the script did not get so far")


def left_of(run):
    """Processes and folders of a run. Ray starts some of its agents without our environment: those name the run's folder."""
    found = [str(path) for path in Path("/tmp").glob(f"{processes.name_of(run)}*")]
    for process in psutil.process_iter():
        try:
            words = f"{process.environ().get(processes.MARK)} {' '.join(process.cmdline())}"
            if run in words and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
        except psutil.Error:
            continue
    return found


def test_a_script_runs_as_slimes_would_and_nothing_is_left(roots):
    with started(roots, "sys.exit(3)") as process:
        # Only the driver pretends that there is CUDA; nothing listens beyond this machine.
        *said, run = said_by(process)
        assert said[1:] == ["mine", "beside", "None", "1", "127.0.0.2", "8.0"]
        assert "outlived" not in process.stdout.read()
        assert process.wait() == 3
    assert left_of(run) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_launcher_is_stopped(roots, number):
    with started(roots, "time.sleep(600)") as process:
        run = said_by(process)[-1]
        assert len(left_of(run)) > 5
        process.send_signal(number)
        if number == signal.SIGINT:
            # A terminal tells everybody, and a parent passes it on: that counts once.
            process.send_signal(number)
        said = process.stdout.read()
        assert process.wait() != 0
        assert said.count("stopping; what was saved is kept") == (number != signal.SIGKILL)
        assert "outlived" not in said
    # Who is killed cannot wait for what it started; that ends by itself.
    deadline = time.monotonic() + 200
    while (left := left_of(run)) and time.monotonic() < deadline:
        time.sleep(0.5)
    # Nor can he remove the run's folder.
    assert [one for one in left if number != signal.SIGKILL or not one.startswith("/tmp/")] == []

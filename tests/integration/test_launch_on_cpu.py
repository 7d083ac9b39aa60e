"""The path that a user takes, without a GPU: launcher, preflight, served reward model, Ray's job, slime's own train.py with our hooks.

A run is stopped or killed after its first checkpoint, leaves nothing running, goes on from there to its end, and trains on every prompt as
often as a run that nobody stopped. What it saved becomes a Hugging Face folder that loads. Everything is real but tiny models
(`--profile cpu-tiny`).
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import real_slime
from slime_on_cpu.flags import TRAINING
from stand_in_slime import free_ports

ROOT = Path(__file__).parents[2]
MAKE = """
import sys
from pathlib import Path
from code_reward.problem import save_problems
from scripts.slime_cpu.models import build_policy, build_rm, make_problems
folder = Path(sys.argv[1])
build_rm(folder / "rm", build_policy(folder / "policy", sys.argv[2]))
save_problems(folder / "problems.jsonl", make_problems())
"""
PROMPTS = """
import json, sys, torch
from pathlib import Path
for path in Path(sys.argv[1]).glob("[0-9]*.pt"):
    saved = torch.load(path, weights_only=False)
    print("PROMPTS", json.dumps([int(path.stem), sorted({sample["metadata"]["id"] for sample in saved["samples"]})]))
"""
COMPARE = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
start, converted, written = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in sys.argv[1:])
AutoTokenizer.from_pretrained(sys.argv[2])
assert all(torch.equal(value, written[name]) for name, value in converted.items()), "converted and written by slime are the same"
assert any(not torch.equal(value, start[name].to(value.dtype)) for name, value in converted.items()), "and are not what training began with"
"""
SAME = """
import sys, torch
from transformers import AutoModelForCausalLM
start, converted = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in sys.argv[1:])
for name, value in converted.items():
    assert torch.equal(value.bfloat16(), start[name].bfloat16()), name
"""
# The vocabulary of 512 is padded, as those of the real models are.
PADDED = "--make-vocab-size-divisible-by 384"
# Far more than such a run takes: one core may have to do.
PATIENCE = 1200
pytestmark = [pytest.mark.integration, pytest.mark.timeout(3 * PATIENCE)]


@dataclass
class Run:
    """One start of a launcher after the other, with the same folder."""

    folder: Path
    script: str
    reward: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "run" / "checkpoints"

    @property
    def tracker(self) -> Path:
        return self.checkpoints / "latest_checkpointed_iteration.txt"

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    @contextmanager
    def started(self, rollouts: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """The launcher, whose end is waited for; its output becomes `log`."""
        words = ["bash", str(ROOT / "scripts" / self.script), self.reward, "--profile", "cpu-tiny"]
        more = ["--save-debug-rollout-data", str(self.folder / "rollouts" / "{rollout_id}.pt"), *PADDED.split()]
        command = [*words, "--", *more, *options]
        env = self._environment() | {"NUM_ROLLOUT": str(rollouts)}
        with (self.folder / "log.txt").open("wb") as output:
            launcher = subprocess.Popen(command, env=env, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield launcher
        finally:
            launcher.send_signal(signal.SIGTERM)
            launcher.wait(PATIENCE)

    def _environment(self) -> dict[str, str]:
        real = real_slime.environment()
        kept = {name: real[name] for name in ("PATH", "HOME", "SLIME_ROOT", "MEGATRON_ROOT", "OMP_NUM_THREADS")}
        ports = dict(zip(("RAY_PORT", "DASHBOARD_PORT", "AGENT_PORT", "RM_PORT"), free_ports(4), strict=True))
        places = {"MODEL_DIR": "policy", "RM_DIR": "rm", "PROMPT_DATA": "prompts.jsonl", "RUN_DIR": "run"}
        return kept | ports | {name: str(self.folder / place) for name, place in places.items()} | self.environment

    def wait_for_checkpoint(self, launcher: subprocess.Popen[bytes]) -> int:
        """The number of the first rollout that is saved."""
        end = time.monotonic() + PATIENCE
        while not self.tracker.exists() and launcher.poll() is None and time.monotonic() < end:
            time.sleep(0.5)
        assert self.tracker.exists(), self.log[-6000:]
        return int(self.tracker.read_text())

    def processes(self) -> list[psutil.Process]:
        """All that still know the run's folder."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            if str(self.folder) in words and process.pid != os.getpid():
                found.append(process)
        return found

    def prompts(self) -> dict[int, list[str]]:
        """Which problems each rollout used."""
        done = run_in_slime(PROMPTS, self.folder / "rollouts")
        return dict(json.loads(line.removeprefix("PROMPTS ")) for line in done.splitlines() if line.startswith("PROMPTS "))


def run_in_slime(code: str, *words: Path) -> str:
    environment = real_slime.environment() | {"SLIME_ON_CPU_TRAINS": "1"}
    command = [str(real_slime.PYTHON), "-c", code, *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def make_models(folder: Path, architecture: str) -> None:
    """A policy, a reward model, six prompts and two held-out problems."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'slime_plugins'}:{ROOT / 'trl_plugins'}"}
    subprocess.run([sys.executable, "-c", MAKE, str(folder), architecture], check=True, env=environment, capture_output=True)
    prompts = ["problems", "--path", str(folder / "problems.jsonl"), "--out", str(folder / "prompts.jsonl"), "--held-out", "2"]
    command = [sys.executable, "-m", "data_prep.prompts", *prompts, "--instruction", ""]
    subprocess.run(command, check=True, env=environment, capture_output=True)


def stop(run: Run, launcher: subprocess.Popen[bytes]) -> None:
    """As a scheduler does."""
    launcher.send_signal(signal.SIGTERM)
    assert launcher.wait(PATIENCE) == 143


def kill(run: Run, launcher: subprocess.Popen[bytes]) -> None:
    """slime's driver ends without a word."""
    [driver] = [process for process in run.processes() if process.cmdline()[1:2] == [f"{os.environ['SLIME_ROOT']}/train_async.py"]]
    driver.kill()
    assert launcher.wait(PATIENCE) == 1


@pytest.mark.parametrize(
    ("script", "architecture", "reward", "end", "environment"),
    [
        ("run_qwen3_4b_thinking.sh", "qwen3", "rm", stop, {}),
        ("run_glm4_9b.sh", "glm4", "hybrid", stop, {"RM_PLACEMENT": "slime"}),
        ("run_qwen3_4b_thinking.sh", "qwen3", "tests", kill, {"TRAIN_SCRIPT": "train_async.py", "NUM_GPUS": "2"}),
    ],
    ids=["qwen3, served RM", "glm4, RM in slime", "train_async.py, tests"],
)
def test_a_run_that_ended_early_goes_on_from_its_last_checkpoint(tmp_path, script, architecture, reward, end, environment):
    real_slime.environment()
    make_models(tmp_path, architecture)
    run = Run(tmp_path, script, reward, environment)
    with run.started(30) as launcher:
        run.wait_for_checkpoint(launcher)
        end(run, launcher)
    assert run.processes() == []
    assert "failed " not in run.log.partition("submitting")[0], "the preflight had nothing against it"
    saved = int(run.tracker.read_text())

    # To the end of an epoch: three rollouts of two prompts each. Another number of rollouts is another schedule of the learning rate.
    last = saved + 3 - (saved + 1) % 3
    written = ("--save-hf", str(tmp_path / "written" / "{rollout_id}"), "--override-opt_param-scheduler")
    with run.started(last + 1, *written) as launcher:
        assert launcher.wait(PATIENCE) == 0, run.log[-6000:]
    assert f"goes on from {run.checkpoints}, iteration {saved}" in run.log
    assert int(run.tracker.read_text()) == last
    trained = {int(number) for number in re.findall(r"rollout (\d+):", run.log)}
    assert trained == set(range(saved + 1, last + 1)), "no rollout is trained on twice"
    assert run.processes() == []

    used = run.prompts()
    for first in range(0, last, 3):
        epoch = [problem for rollout in range(first, first + 3) for problem in used[rollout]]
        assert len(epoch) == len(set(epoch)) == 6, "every prompt of an epoch once, whoever was stopped in between"

    convert_as_the_guide_says(run, last)
    run_in_slime(COMPARE, tmp_path / "policy", tmp_path / "hf", tmp_path / "written" / str(last))


def convert_as_the_guide_says(run: Run, rollout: int) -> None:
    words = {"iter_0000019": f"iter_{rollout:07}", '"$RUN_DIR/hf"': f'"{run.folder / "hf"}"', "151936": "512"}
    run_block_of_the_guide("convert_torch_dist_to_hf.py", words, RUN_DIR=run.folder / "run", MODEL_DIR=run.folder / "policy")


def test_a_folder_becomes_slimes_format_and_comes_back_the_same(tmp_path):
    real_slime.environment()
    make_models(tmp_path, "qwen3")
    on_cpu = " ".join(TRAINING[: TRAINING.index("--train-env-vars")])
    words = {
        'source "$SLIME_ROOT/scripts/models/qwen3-4B-Instruct-2507.sh"': 'MODEL_ARGS=($(python3 -m slime_on_cpu.model_flags "$MODEL_DIR"))',
        "checkpoints/torch_dist": f"{tmp_path / 'torch_dist'} {on_cpu} {PADDED}",
    }
    run_block_of_the_guide("convert_hf_to_torch_dist.py", words, MODEL_DIR=tmp_path / "policy")
    release = str(tmp_path / "torch_dist" / "release")
    words = {"$RUN_DIR/checkpoints/iter_0000019": release, "$RUN_DIR/hf": str(tmp_path / "hf"), "151936": "512"}
    run_block_of_the_guide("convert_torch_dist_to_hf.py", words, MODEL_DIR=tmp_path / "policy")
    run_in_slime(SAME, tmp_path / "policy", tmp_path / "hf")


def run_block_of_the_guide(tool: str, words: dict[str, str], **places: Path) -> None:
    """Run the commands that name `tool`, with the `words` of this test in the place of the guide's."""
    guide = (ROOT / "docs" / "train_qwen3_4b_thinking.md").read_text()
    [commands] = re.findall(rf"```bash\n([^`]*{re.escape(tool)}[^`]*)```", guide)
    for word, other in words.items():
        assert word in commands
        commands = commands.replace(word, other)
    environment = real_slime.environment() | {"SLIME_ON_CPU_TRAINS": "1"} | {name: str(place) for name, place in places.items()}
    done = subprocess.run(["bash", "-euc", commands], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]

"""The harness that runs slime without a GPU, as far as it can be tested without slime; tests/integration runs the whole of it."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from shared_memory import shared_memory_of
from slime_on_cpu import launch, processes
from slime_on_cpu.environment import engine_environment, environment
from slime_on_cpu.flags import ENGINES, TRAINING
from slime_on_cpu.model_flags import model_flags
from slime_on_cpu.post_import import PostImport
from slime_on_cpu.shims import TRAINS

from code_reward.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
MINE = f"mine-{os.getpid()}"


def python(code: str, variables: dict[str, str]) -> str:
    process = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


SHIMS_ACT = "import sys; print([type(f).__name__ for f in sys.meta_path].count('PostImport'))"


def test_shims_act_only_where_asked():
    plain = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "slime_plugins")])}
    assert python(SHIMS_ACT, plain) == "0"
    assert python(f"import slime_on_cpu.launch, slime_on_cpu.shims; {SHIMS_ACT}", plain) == "0"
    assert python(SHIMS_ACT, engine_environment(plain)) == "1"


def test_shims_import_nothing_heavy_at_the_start():
    loaded = python(
        "import sys; print([name for name in ('torch', 'ray', 'psutil', 'numpy') if name in sys.modules])", engine_environment()
    )
    assert loaded == "[]"


CUDA = """
import torch
tensor = torch.ones(2, device="cuda", pin_memory=True).cuda().to("cuda:0")
print(tensor.device, tensor.type(), torch.cuda.get_device_capability(), torch.cuda.memory_allocated())
with torch.cuda.stream(torch.cuda.Stream()) as stream:
    torch.cuda.current_stream().wait_stream(torch.cuda.default_stream())
torch.cuda.set_rng_state(torch.cuda.get_rng_state())
"""


def test_cuda_is_pretended_where_megatron_trains():
    assert python(CUDA, {**engine_environment(), TRAINS: "1"}) == "cpu torch.cuda.FloatTensor (9, 0) 0"


ENGINE = """
import torch
assert torch.zeros(1).type() == "torch.FloatTensor"
assert torch.ops.torchvision.nms
try:
    torch.ones(1, device="cuda")
except Exception as error:
    print("no CUDA")
from sgl_kernel.any.thing import absent
from sgl_kernel import assign_req_to_token_pool_cpu
try:
    absent(1)
except NotImplementedError as error:
    print(error)
rows = torch.zeros(3, 4, dtype=torch.int32)
assign_req_to_token_pool_cpu(torch.tensor([2, 0]), rows, torch.tensor([1, 0]), torch.tensor([3, 1]), torch.tensor([7, 8, 9]), 4)
print(rows.tolist())
"""


def test_engines_see_that_there_is_no_gpu():
    said = python(ENGINE, engine_environment()).splitlines()
    assert said[0] == "no CUDA"
    assert said[1].startswith("sgl_kernel.any.thing.absent does not exist on CPU")
    assert json.loads(said[2]) == [[9, 0, 0, 0], [0, 0, 0, 0], [0, 7, 8, 0]]


def test_a_change_is_made_once_and_right_after_the_import(monkeypatch):
    changed = []
    monkeypatch.setattr(sys, "meta_path", [PostImport({"colorsys": changed.append}), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    module = import_module("colorsys")
    assert changed == [module]
    monkeypatch.delitem(sys.modules, "colorsys")
    assert import_module("colorsys").rgb_to_hls
    assert changed == [module]


def test_checkouts_must_be_named(monkeypatch, tmp_path):
    monkeypatch.delenv("SLIME_ROOT", raising=False)
    with pytest.raises(ConfigurationError, match="SLIME_ROOT must name a checkout of slime"):
        environment({})
    (tmp_path / "train.py").touch()
    with pytest.raises(ConfigurationError, match="MEGATRON_ROOT must name a checkout of Megatron-LM"):
        environment({"SLIME_ROOT": str(tmp_path), "MEGATRON_ROOT": str(tmp_path)})
    (tmp_path / "megatron/core").mkdir(parents=True)
    given = environment({"SLIME_ROOT": str(tmp_path), "MEGATRON_ROOT": str(tmp_path), "PYTHONPATH": "mine"})
    first, *_, last = given["PYTHONPATH"].split(os.pathsep)
    assert (first, last) == (str(ROOT / "slime_plugins/slime_on_cpu/path"), "mine")
    assert TRAINS not in given


def test_environment_and_flags_are_printed_for_a_shell(tmp_path):
    (tmp_path / "train.py").touch()
    (tmp_path / "megatron/core").mkdir(parents=True)
    roots = {"SLIME_ROOT": str(tmp_path), "MEGATRON_ROOT": str(tmp_path)}
    read = 'eval "$("$0" -m slime_on_cpu.environment)"; mapfile -t flags < <("$0" -m slime_on_cpu.flags)'
    script = f'{read}; printf "%s\\n" "$SLIME_ROOT" "${{flags[@]}}"'
    paths = os.pathsep.join([str(ROOT), str(ROOT / "slime_plugins")])
    command = ["bash", "-euc", script, sys.executable]
    said = subprocess.run(command, env={**os.environ, **roots, "PYTHONPATH": paths}, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [str(tmp_path), *TRAINING, *ENGINES]


def test_launch_says_what_is_wrong_in_one_sentence(capsys):
    assert launch.main([]) == 2
    assert capsys.readouterr().out.startswith("usage: python -m slime_on_cpu.launch SCRIPT")
    assert launch.main(["no_script.py"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_what_a_run_left_is_ended_and_nothing_else():
    sleep = ["sleep", "60"]
    with (
        subprocess.Popen(sleep) as other,
        subprocess.Popen(sleep, env={**os.environ, processes.MARK: MINE}, start_new_session=True) as left,
    ):
        assert [process.pid for process in processes.wait_for_end(MINE, 0.1)] == [left.pid]
        assert set(processes.end(processes.of_run(MINE), MINE)) == {f"{left.pid} sleep"}
        left.wait()
        assert processes.of_run(MINE) == []
        assert other.poll() is None
        other.kill()


def test_semaphores_of_a_run_that_is_ended_by_force_go_with_it():
    """Their maker has them open under a name that is gone, and whoever would remove them is ended, too."""
    make = "import multiprocessing, sys; lock = multiprocessing.get_context('spawn').Lock(); print(flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", make], env={**os.environ, processes.MARK: MINE}, **pipes) as maker:
        maker.stdout.readline()
        names = shared_memory_of(maker.pid)
        assert names
        memory = processes.SharedMemory(MINE)
        memory.look()
        assert len(list(processes.end(processes.of_run(MINE), MINE))) == 2
    assert names <= set(os.listdir("/dev/shm"))
    memory.remove()
    assert names & set(os.listdir("/dev/shm")) == set()


def test_model_flags_describe_the_checkpoint(tmp_path):
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 512,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_theta": 5000000.0, "rope_type": "default"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    flags = model_flags(tmp_path)
    assert "--qk-layernorm" in flags
    assert "--untie-embeddings-and-output-weights" not in flags
    assert flags[flags.index("--rotary-base") + 1] == "5000000"
    assert flags[flags.index("--num-query-groups") + 1] == "2"
    (tmp_path / "config.json").write_text(json.dumps({**config, "architectures": ["GPT2LMHeadModel"]}))
    with pytest.raises(ConfigurationError, match="holds no model that can be described"):
        model_flags(tmp_path)

"""The preflight finds what the run would stumble over, and says what is right."""

import asyncio
import json
import shutil
import socket
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest
import real_slime
import slime_command
import yaml
from code_reward_slime.preflight import disk, hooks, options, versions
from code_reward_slime.preflight.__main__ import Preflight, main, rows
from code_reward_slime.preflight.services import check_services
from code_reward_slime.preflight.train_arguments import TrainArguments
from hypothesis import given
from hypothesis import strategies as st
from misbehaving import other_score_of
from misbehaving_judge import MisbehavingJudge
from slime_command import prompt_row, words, write_rows
from slime_samples import REAL_SLIME

from code_reward.errors import ConfigurationError, SandboxError
from reward_servers.sandbox.outcome import Outcome
from reward_servers.sandbox.pool import LocalSandbox


async def found(words: list[str] | None = None, **settings) -> dict[str, list]:
    """The rows by check, except those of what is installed here, which is not what slime's image has."""
    table: dict[str, list] = {}
    async for row in rows(Preflight(ray="no", _cli_parse_args=False, **settings), words or []):
        if row.check != "versions":
            table.setdefault(row.check, []).append(row)
    return table


def failures(table: dict[str, list]) -> dict[str, str]:
    return {check: "; ".join(row.found for row in rows if row.state == "failed") for check, rows in table.items()}


async def preflight(tmp_path, content) -> dict[str, list]:
    (tmp_path / "config.yaml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return await found(config=tmp_path / "config.yaml")


# Settings and what they name


def test_on_paper_nothing_to_look_at_is_no_success():
    with pytest.raises(ConfigurationError, match="nothing to look at; give --config"):
        main(Preflight(on_paper=True, _cli_parse_args=False))


async def test_on_paper_nobody_is_asked(settings, tmp_path):
    away = {"code_reward_rm_urls": ["http://127.0.0.1:9"], "code_reward_sandbox_url": "http://127.0.0.1:9"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**settings, **away}))
    table = await found(config=tmp_path / "config.yaml", on_paper=True)
    assert {check: [row.state for row in rows] for check, rows in table.items()} == {"settings": ["ok"], "reward model": ["ok"]}


async def test_a_good_config_is_told_point_by_point(settings, tmp_path):
    (tmp_path / "difficulty.jsonl").write_text('{"problem_id": "p", "difficulty": 0.5}\n')
    table = await preflight(tmp_path, {**settings, "code_reward_curriculum": str(tmp_path / "difficulty.jsonl"), "other_plugins_key": 3})
    assert list(table) == ["settings", "reward model", "sandbox", "curriculum"]
    assert {row.state for rows in table.values() for row in rows} == {"ok"}
    assert "gave the reference scores" in table["reward model"][0].found


async def test_a_model_inside_slime_is_checked_as_far_as_it_is_there(settings, tmp_path):
    table = await preflight(tmp_path, {**settings, "code_reward_rm_urls": []})
    assert "at the latest at the first use" in table["reward model"][0].found


async def test_servers_that_come_later_are_not_asked_yet(settings, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**settings, "code_reward_rm_urls": ["http://127.0.0.1:9"]}))
    table = await found(config=tmp_path / "config.yaml", rm_later=True)
    assert "when it is up" in table["reward model"][0].found


@pytest.mark.parametrize(
    ("change", "check", "message"),
    [
        ({"code_reward_shapping": 1}, "settings", "code_reward_shapping"),
        (
            {"code_reward_rm_urls": "http://127.0.0.1:9"},
            "settings",
            "code_reward_rm_urls: write a list, such as [one, another] (given: 'http",
        ),
        ({"code_reward_judge": {"model": "m"}}, "settings", "code_reward_judge.urls: it is needed; add it"),
        ({"code_reward_rm_dir": "nowhere"}, "reward model", "nowhere"),
        ({"code_reward_rm_urls": ["http://127.0.0.1:9"]}, "reward model", "127.0.0.1:9"),
        ({"code_reward_curriculum": "nowhere.jsonl"}, "curriculum", "nowhere.jsonl"),
    ],
)
async def test_what_is_wrong_is_named_and_the_rest_is_checked(settings, tmp_path, change, check, message):
    table = await preflight(tmp_path, {**settings, **change})
    assert message in failures(table)[check]
    if check == "curriculum":
        assert table["reward model"][0].state == "ok"


async def test_another_model_at_the_address_is_found(settings, server, tmp_path):
    server.score = other_score_of
    assert "not the expected reward model" in failures(await preflight(tmp_path, settings))["reward model"]


async def test_a_sandbox_that_is_not_there_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.client._ATTEMPTS", 1)
    table = await preflight(tmp_path, {"code_reward_sandbox_url": "http://127.0.0.1:9"})
    assert "does not tell right from wrong" in failures(table)["sandbox"]
    assert failures(table)["sandbox"].count("cannot be used") == 1


async def test_a_sandbox_of_our_own_that_does_not_work_is_found(tmp_path, monkeypatch):
    table = await preflight(tmp_path, "{}")
    assert "on this machine" in table["sandbox"][0].found
    assert table["sandbox"][0].state == "ok"

    def start_in_vain(worker):
        raise SandboxError("no memory left")

    monkeypatch.setattr("reward_servers.sandbox.handle.WorkerHandle.start", start_in_vain)
    assert "no memory left); set code_reward_sandbox_url to a server" in failures(await preflight(tmp_path, "{}"))["sandbox"]


async def test_a_sandbox_without_pytest_is_told_apart(tmp_path, monkeypatch):
    assert (await preflight(tmp_path, "{}"))["sandbox"][0].found.endswith("tells right from wrong")
    run = LocalSandbox.run

    async def lacking(self, program, tests, **more):
        if tests[0].kind == "pytest":
            return Outcome(kind="sandbox_error", message="pytest is not installed")
        return await run(self, program, tests, **more)

    monkeypatch.setattr(LocalSandbox, "run", lacking)
    row = (await preflight(tmp_path, "{}"))["sandbox"][0]
    assert (row.state, row.found.partition(", but ")[2]) == ("ok", "runs no pytest files (pytest is not installed)")


@pytest.mark.parametrize(
    ("reward", "more", "needed"),
    [
        ("model_reward", {}, False),
        ("model_reward", {"code_reward_drift_share": 0.1}, True),
        ("hybrid_reward", {}, True),
    ],
)
async def test_a_sandbox_is_only_looked_for_where_something_is_executed(command, settings, tmp_path, reward, more, needed):
    (tmp_path / "code_reward.yaml").write_text(yaml.safe_dump({**settings, **more}))
    change = {"--custom-rm-path": [f"code_reward_slime.rewards.{reward}"]}
    assert "sandbox" in await found(words({**command, **change}), gpus=8), "the held-out set is judged by tests"
    without = {**command, **change, "--eval-interval": None, "--eval-config": None}
    assert ("sandbox" in await found(words(without), gpus=8)) == needed


@pytest.mark.parametrize("content", ["- a\n- b\n", "3", "a: [", "1: 2"])
async def test_a_config_that_is_no_mapping_is_a_failure(tmp_path, content):
    assert "config.yaml" in failures(await preflight(tmp_path, content))["settings"]


async def test_a_config_that_is_not_there_is_a_failure(tmp_path):
    assert "none.yaml" in failures(await found(config=tmp_path / "none.yaml"))["settings"]


# A whole command


@pytest.fixture
def command(settings, tmp_path, monkeypatch):
    """A good command; slime's parsers know its options and no other."""
    made = slime_command.write_command(tmp_path, settings)
    known = {
        *made,
        "--colocate",
        "--sglang-config",
        "--eval-prompt-data",
        "--no-save-optim",
        "--spec",
        "--untie-embeddings-and-output-weights",
    }
    monkeypatch.setattr(options, "known_options", lambda: known)
    return made


async def test_a_good_command_passes_every_check(command):
    table = await found(words(command), gpus=8)
    assert {row.state for rows in table.values() for row in rows} == {"ok"}, table
    assert list(table) == [
        "checkpoint",
        "start",
        "GPUs",
        "prompt data",
        "evaluation",
        "missing verdicts",
        "disk",
        "settings",
        "reward model",
        "sandbox",
        "options",
        "hooks",
    ]


@pytest.mark.parametrize(
    ("change", "check", "message"),
    [
        ({"--hf-checkpont": ["x"]}, "options", "--hf-checkpont is no option, did you mean --hf-checkpoint?"),
        ({"--custom-rm-path": ["code_reward_slime.rewards.modle_reward"]}, "hooks", "has no modle_reward; did you mean model_reward?"),
        ({"--custom-rm-path": ["code_reward_slim.rewards.model_reward"]}, "hooks", "No module named 'code_reward_slim'"),
        ({"--spec": ["slime_plugins.models.glm4", "get_glm_spec"]}, "hooks", "slime_plugins.models.glm4 get_glm_spec is not there"),
        ({"--rotary-base": ["1000000"]}, "checkpoint", "--rotary-base is 1e+06, the checkpoint's is 5e+06"),
        ({"--num-layers": ["36"]}, "checkpoint", "--num-layers is 36, num_hidden_layers is 2"),
        ({"--num-layers": ["many"]}, "checkpoint", "--num-layers must be a whole number, not 'many'"),
        ({"--untie-embeddings-and-output-weights": []}, "checkpoint", "tie_word_embeddings"),
        ({"--hf-checkpoint": ["nowhere/Qwen3-4B"]}, "checkpoint", "nowhere/Qwen3-4B does not exist; download it"),
        ({"--ref-load": None}, "start", "give a Hugging Face folder as --ref-load"),
        ({"--rollout-num-gpus": ["6"]}, "GPUs", "10 are needed (4 train, 6 generate or judge) and there are 8"),
        ({"--rollout-num-gpus": None}, "GPUs", "needs --rollout-num-gpus"),
        ({"--rollout-num-gpus": ["3"]}, "GPUs", "--rollout-num-gpus 3 is not divided by --rollout-num-gpus-per-engine 2"),
        ({"--tensor-model-parallel-size": ["3"]}, "GPUs", "4 training GPUs are not divided by 3"),
        ({"--global-batch-size": ["24"]}, "GPUs", "does not divide the 32 samples"),
        ({"--global-batch-size": ["1"]}, "GPUs", "is not divided by 2 data parallel ranks"),
        ({"--sglang-config": ["nowhere.yaml"]}, "GPUs", "nowhere.yaml cannot be read"),
        ({"--input-key": ["question"]}, "prompt data", "row 1: there is no column 'question'"),
        ({"--label-key": ["answer"]}, "prompt data", "no column 'answer'"),
        ({"--prompt-data": ["nowhere.jsonl"]}, "prompt data", "nowhere.jsonl does not exist"),
        ({"--eval-config": None}, "evaluation", "needs held-out sets"),
        ({"--eval-prompt-data": ["a", "b.jsonl"]}, "evaluation", "is judged by the training reward"),
        ({"--custom-reward-post-process-path": None}, "missing verdicts", "add --custom-reward-post-process-path"),
        ({"--custom-eval-rollout-log-function-path": None}, "missing verdicts", "--custom-eval-rollout-log-function-path"),
        ({"--custom-config-path": None}, "reward model", "set code_reward_rm_dir"),
        ({"--save": None}, "disk", "begins anew"),
        ({"--save": []}, "disk", "--save has no value"),
        ({"--save": ["/proc/version/saved"]}, "disk", "cannot be made or written"),
    ],
)  # fmt: skip
async def test_each_mistake_is_found_by_its_check_alone(command, change, check, message):
    if "--spec" in change and REAL_SLIME:
        pytest.skip("the slime that SLIME_ROOT names has this layer specification")
    table = await found(words({**command, **change}), gpus=8)
    assert message in failures(table)[check]


async def test_every_failure_is_reported_at_once_and_the_exit_status_tells(command, capsys, monkeypatch):
    status = await asyncio.to_thread(
        main, Preflight(ray="no", gpus=2, _cli_parse_args=False), words({**command, "--rotary-base": ["10000"]})
    )
    shown = capsys.readouterr()
    assert status == 1
    assert "failed       checkpoint" in shown.out
    assert "failed       GPUs" in shown.out
    assert "must be mended" in shown.err


async def test_what_could_not_be_checked_says_so(command):
    table = await found(words({**command, "--eval-interval": None}))
    assert [table[check][0].state for check in ("GPUs", "evaluation")] == ["not checked", "not checked"]


async def test_a_saved_run_goes_on_from_its_checkpoint(command, tmp_path):
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "latest_checkpointed_iteration.txt").write_text("40\n")
    table = await found(words(command), gpus=8)
    assert table["start"][0].found.endswith("iteration 40")


async def test_weights_that_slime_cannot_read_must_be_converted(command, tmp_path):
    config = tmp_path / "checkpoint" / "config.json"
    config.write_text(json.dumps({**slime_command.CONFIG, "model_type": "novel"}))
    assert "convert_hf_to_torch_dist" in failures(await found(words(command), gpus=8))["start"]


async def test_the_rotary_base_may_stand_in_either_place(command, tmp_path):
    config = {**slime_command.CONFIG, "rope_parameters": {"rope_theta": 5e6, "rope_type": "default"}}
    (tmp_path / "checkpoint" / "config.json").write_text(
        json.dumps({name: value for name, value in config.items() if name != "rope_theta"})
    )
    assert (await found(words(command), gpus=8))["checkpoint"][0].state == "ok"


async def test_a_full_disk_is_found(command, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6, 10_000))
    table = await found(words(command), gpus=8)
    assert "two checkpoints need 1.4e-05 GB" in failures(table)["disk"]
    plain = await found(words({**command, "--no-save-optim": []}), gpus=8)
    assert plain["disk"][0].state == "ok", "without the optimizer a checkpoint is a seventh of that"


def test_the_nearest_folder_that_exists_is_looked_at(tmp_path):
    assert disk.existing(tmp_path / "a" / "b") == tmp_path


async def test_a_taken_port_is_found():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} is taken" in failures(await found(port=[port]))["ports"]
    assert (await found(port=[port]))["ports"][0].state == "ok"


# Prompt data and evaluation


@pytest.mark.parametrize(
    ("row", "reward", "message"),
    [
        ({**prompt_row(), "metadata": None}, "model_reward", "the metadata are no mapping"),
        ({**prompt_row(statement=None), "prompt": []}, "model_reward", "neither metadata nor prompt give a statement"),
        (prompt_row(tests=[]), "unit_test_reward", "no tests, which the unit-test reward needs"),
        (prompt_row(tests=[{"kind": "unheard"}]), "model_reward", "is not what describe"),
        ({**prompt_row(), "metadata": '{"id": '}, "model_reward", "the metadata are no JSON"),
    ],
)
async def test_a_row_that_a_reward_cannot_use_is_named(command, tmp_path, row, reward, message):
    write_rows(tmp_path / "prompts.jsonl", prompt_row(), row)
    table = await found(words({**command, "--custom-rm-path": [f"code_reward_slime.rewards.{reward}"]}), gpus=8)
    assert "prompts.jsonl, row 2: " in failures(table)["prompt data"]
    assert message in failures(table)["prompt data"]


@pytest.mark.parametrize(
    ("hybrid", "state"),
    [
        ({"code_reward_hybrid_mode": "weighted"}, "failed"),
        ({"code_reward_hybrid_mode": "weighted", "code_reward_hybrid_stand_in": True}, "ok"),
        ({"code_reward_hybrid_mode": "gated"}, "ok"),
    ],
)
async def test_a_weighted_reward_needs_tests_in_every_row(command, settings, tmp_path, hybrid, state):
    write_rows(tmp_path / "prompts.jsonl", prompt_row(), prompt_row(tests=[]))
    (tmp_path / "code_reward.yaml").write_text(yaml.safe_dump({**settings, **hybrid}))
    held_out = {"name": "held_out", "path": str(tmp_path / "prompts.jsonl"), "custom_rm_path": "code_reward_slime.rewards.hybrid_reward"}
    (tmp_path / "eval.yaml").write_text(yaml.safe_dump({"eval": {"datasets": [held_out]}}))
    table = await found(words({**command, "--custom-rm-path": ["code_reward_slime.rewards.hybrid_reward"]}), gpus=8)
    for check in ("prompt data", "evaluation"):
        assert table[check][0].state == state
        assert state == "ok" or "row 2: the problem has no tests, which the weighted hybrid reward needs" in table[check][0].found


async def test_prompt_data_without_rows_are_a_failure(command, tmp_path):
    (tmp_path / "prompts.jsonl").write_text("")
    assert "has no rows" in failures(await found(words(command), gpus=8))["prompt data"]


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"path": "prompts.jsonl"}, "names no custom_rm_path"),
        ({"custom_rm_path": "code_reward_slime.rewards.unit_test_reward"}, "has no path"),
        ({"path": "none.jsonl", "custom_rm_path": "code_reward_slime.rewards.unit_test_reward"}, "does not exist"),
        ({"path": "prompts.jsonl", "custom_rm_path": "code_reward_slime.rewards.unit_test_reward", "label_key": "x"}, "no column 'x'"),
    ],
)
async def test_an_evaluation_that_would_not_judge_by_its_own_tests_is_found(command, tmp_path, dataset, message):
    given = {key: str(tmp_path / value) if key == "path" else value for key, value in dataset.items()}
    (tmp_path / "eval.yaml").write_text(yaml.safe_dump({"eval": {"datasets": {"held_out": given}}}))
    assert message in failures(await found(words(command), gpus=8))["evaluation"]


async def test_a_default_of_the_eval_config_holds_for_every_set(command, tmp_path):
    reward = {"custom_rm_path": "code_reward_slime.rewards.unit_test_reward"}
    sets = {"a": {"path": str(tmp_path / "prompts.jsonl")}}
    (tmp_path / "eval.yaml").write_text(yaml.safe_dump({"eval": {"defaults": reward, "datasets": sets}}))
    assert (await found(words(command), gpus=8))["evaluation"][0].state == "ok"


# A reward model inside slime


def inside(tmp_path, settings, *models) -> dict[str, list[str]]:
    (tmp_path / "code_reward.yaml").write_text(yaml.safe_dump({**settings, "code_reward_rm_urls": []}))
    (tmp_path / "sglang.yaml").write_text(yaml.safe_dump({"sglang": [*models]}))
    return {"--sglang-config": [str(tmp_path / "sglang.yaml")]}


async def test_a_model_inside_slime_needs_its_name_and_its_gpus(command, settings, tmp_path):
    policy = {"name": "default", "server_groups": [{"worker_type": "regular", "num_gpus": 3}]}
    own = {"is_embedding": True, "port": 25000, "nccl_port": 25001, "dist_init_addr": "127.0.0.1:25002"}
    reward = {"name": "reward", "update_weights": False, "server_groups": [{"worker_type": "regular", "num_gpus": 1, "overrides": own}]}
    change = inside(tmp_path, settings, policy, reward)
    assert not any(failures(await found(words({**command, **change}), gpus=8)).values())
    change = inside(tmp_path, settings, policy, {**reward, "name": "judge"})
    assert "no model is named reward" in failures(await found(words({**command, **change}), gpus=8))["reward model"]
    change = inside(tmp_path, settings, policy, {**reward, "server_groups": [{"worker_type": "regular", "num_gpus": 1}]})
    assert "slime gives it the policy's" in failures(await found(words({**command, **change}), gpus=8))["reward model"]
    change = inside(tmp_path, settings, {**policy, "server_groups": []}, reward)
    assert "use 1 GPUs, --rollout-num-gpus is 4" in failures(await found(words({**command, **change}), gpus=8))["GPUs"]


# Command lines


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="="), max_size=8).filter(lambda text: not text.startswith("--"))


@given(st.dictionaries(st.from_regex(r"--[a-z]{1,5}", fullmatch=True), st.lists(WORDS, max_size=3), max_size=5))
def test_any_command_line_is_read_back(given):
    arguments = TrainArguments(words(given))
    assert {option: arguments.all(option) for option in arguments.options} == given


def test_the_last_of_a_repeated_option_counts_and_an_equals_sign_may_join_it_to_its_value():
    arguments = TrainArguments(["train.py", "--lr", "1", "--lr=-2e-6", "--flag"])
    assert (arguments.one("--lr"), arguments.has("--flag"), arguments.one("--other")) == ("-2e-6", True, None)
    with pytest.raises(ConfigurationError, match="--flag has no value"):
        arguments.one("--flag")


# What is installed


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("numpy", "1.26.4", None),
        ("numpy", "2.0.0", "Megatron refuses numpy 2"),
        ("torch", "2.13.0+cpu", None),
        ("transformers", "5.5", "not 5.12 or later"),
        ("sglang", "0.5.15.post1", None),
        ("sglang", "0.5.14", "not 0.5.15 or later"),
        ("sglang", "0.5.17", None),
        ("python", "3.13.1", "not 3.10 or later below 3.13"),
        ("sglang", None, "is not installed"),
    ],
)
def test_versions_are_compared_as_numbers(name, version, message):
    objection = versions.objection(name, version)
    assert objection is None if message is None else message in objection


@pytest.mark.parametrize(
    ("name", "version", "untried"), [("sglang", "0.5.17", True), ("sglang", "0.5.15", False), ("numpy", "2.1", False), ("ray", None, False)]
)
def test_versions_that_nobody_tried_are_neither_refused_nor_called_right(name, version, untried, monkeypatch):
    assert versions.is_untried(name, version) == untried
    fitting = {other: allowed.lowest for other, allowed in versions.TABLE.items()}
    monkeypatch.setattr(versions, "installed", lambda other: version if other == name else fitting[other])
    states = [row.state for row in versions.check_versions()]
    assert states == (["not checked"] if untried else ["ok"] if versions.objection(name, version) is None else ["failed"])


def test_the_table_of_the_guide_is_the_one_that_is_checked():
    guide = (Path(__file__).parents[2] / "docs" / "slime.md").read_text()
    for name, allowed in versions.TABLE.items():
        assert f"| {name} | {allowed.lowest} ≤ version < {allowed.below} | {allowed.why} |" in guide


@pytest.mark.skipif(REAL_SLIME, reason="SLIME_ROOT is set: slime is here")
async def test_without_slime_the_options_are_a_failure_that_says_where_to_look(command, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(ConfigurationError, match="run this in slime's image"):
        options.known_options()


def test_a_runtime_environment_must_be_an_object():
    for text in ("{", "[]"):
        with pytest.raises(ConfigurationError, match="--runtime-env"):
            hooks.runtime_environment(text)


# The real thing


def real_preflight(command: dict, tmp_path: Path, *drivers_own: Path) -> subprocess.CompletedProcess[str]:
    """With folders on the driver's path that the job's runtime environment lacks."""
    worker = json.dumps({"env_vars": {"PYTHONPATH": real_slime.environment()["PYTHONPATH"], "OMP_NUM_THREADS": "1"}})
    line = [str(real_slime.PYTHON), "-m", "code_reward_slime.preflight", "--gpus", "8", "--runtime-env", worker, "--", *words(command)]
    environment = real_slime.environment(*drivers_own)
    return subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.integration
@pytest.mark.timeout(1500)
async def test_slimes_own_parsers_and_a_real_ray_worker_agree(settings, tmp_path):
    command = slime_command.write_command(tmp_path, settings)
    command["--spec"] = ["slime_plugins.models.glm4", "get_glm_spec"]
    done = await asyncio.to_thread(real_preflight, command, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "are known to slime, Megatron or SGLang" in done.stdout
    assert "the Ray worker finds code_reward_slime.post_process.group_advantages" in done.stdout
    assert "slime_plugins.models.glm4.get_glm_spec" in done.stdout


@pytest.mark.integration
@pytest.mark.timeout(1500)
async def test_a_misspelled_flag_and_a_worker_that_cannot_import_are_caught_by_the_real_ones(settings, tmp_path):
    command = slime_command.write_command(tmp_path, settings)
    command["--rollout-temprature"] = ["0.8"]
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "lab_hooks.py").write_text("def drop(args, group):\n    return True\n")
    command["--dynamic-sampling-filter-path"] = ["lab_hooks.drop"]
    done = await asyncio.to_thread(real_preflight, command, tmp_path, tmp_path / "lab")
    assert done.returncode == 1
    assert "--rollout-temprature is no option, did you mean --rollout-temperature?" in done.stdout
    assert "In the Ray worker: lab_hooks.drop cannot be imported (ModuleNotFoundError" in done.stdout
    assert "hooks            the driver finds" in done.stdout


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_every_hook_option_is_one_of_slimes_and_none_is_forgotten():
    code = "import json; from code_reward_slime.preflight.options import known_options; print(json.dumps(sorted(known_options())))"
    done = subprocess.run([str(real_slime.PYTHON), "-c", code], env=real_slime.environment(), capture_output=True, text=True, check=False)
    known = set(json.loads(done.stdout.splitlines()[-1]))
    paths = {option for option in known if option.endswith("-path") and not option.startswith(("--sglang", "--router"))}
    files = {"--custom-config-path", "--megatron-config-path"}
    assert set(hooks.OPTIONS) <= known
    assert {option for option in paths if "function" in option or "custom" in option or "rollout" in option} <= {*hooks.OPTIONS, *files}


def test_a_machine_that_is_not_for_slime_is_no_failure_until_a_run_is_checked(monkeypatch):
    monkeypatch.setattr(versions, "installed", lambda name: None if name.startswith("sglang") else "2.0")
    [row] = versions.check_versions(of_a_run=False)
    assert row.state == "not checked"
    assert "use slime's image" in row.found
    assert {row.state for row in versions.check_versions()} == {"failed"}


async def test_a_judge_is_asked_before_the_run(tmp_path):
    async with MisbehavingJudge() as judge:
        config = {"code_reward_judge": {"urls": [judge.api], "model": "judge"}}
        assert [row.state for row in (await preflight(tmp_path, config))["judge"]] == ["ok"]
        judge.fault = "404"
        assert "404" in failures(await preflight(tmp_path, config))["judge"]
    assert "Start one" in failures(await preflight(tmp_path, config))["judge"]


async def test_a_run_with_the_judges_reward_and_no_judge_is_stopped(tmp_path):
    (tmp_path / "config.yaml").write_text("{}")
    rows = [row async for row in check_services(tmp_path / "config.yaml", ["code_reward_slime.rewards.judge_reward"])]
    assert [row.found for row in rows if row.check == "judge"] == [
        "The run uses judge_reward and no judge is set up; set code_reward_judge with urls and model."
    ]

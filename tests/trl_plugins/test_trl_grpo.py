import gc
import json
import shutil
from collections import Counter
from pathlib import Path

import aiohttp
import code_reward_trl.rewards
import psutil
import pytest
import torch
from code_reward_trl.grpo import Grpo, Rollout, _divide, _reward, main
from datasets import Dataset
from transformers import AutoModelForCausalLM

import reward_servers.sandbox.pool
from code_reward.errors import ConfigurationError, DataError, RewardServerError
from code_reward.extraction import extract_code
from code_reward.problem import load_problems, save_problems
from code_reward.rows import read_rows


@pytest.fixture
def settings(policy_dir: Path, problem_file: Path, tmp_path: Path) -> dict[str, object]:
    small = {"steps": 2, "prompts": 2, "group": 2, "max_new_tokens": 6, "learning_rate": 1e-2}
    return {"policy": policy_dir, "problems": problem_file, "out": tmp_path / "trained", **small}


def rollouts(folder: Path) -> list[Rollout]:
    return read_rows(folder / "trained.rollouts.jsonl", Rollout)


def assert_whole(folder: Path, steps: int = 2) -> list[Rollout]:
    """Every completion of every step is in the rollouts, and the policy is whole."""
    rows = rollouts(folder)
    assert Counter(row.step for row in rows) == dict.fromkeys(range(steps), 4)
    for step in range(steps):
        assert set(Counter(row.problem_id for row in rows if row.step == step).values()) == {2}, "groups of two"
    assert json.loads((folder / "trained" / "trainer_state.json").read_text())["global_step"] == steps
    AutoModelForCausalLM.from_pretrained(folder / "trained")
    assert not (folder / "trained.checkpoints").exists()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, aiohttp.ClientSession) and not thing.closed]
    return rows


def test_with_the_syntax_check(settings: dict[str, object], tmp_path: Path) -> None:
    main(Grpo(reward="syntax", **settings))
    for row in assert_whole(tmp_path):
        assert row.reward == float(extract_code(row.response, entry_point="shift").code is not None)


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16])
def test_adapters_learn_in_the_place_of_the_weights_and_end_as_part_of_them(
    stored: torch.dtype, settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    async def dies_once(completions: list[str], **columns: object) -> list[float | None]:
        calls.append(len(calls))
        if len(calls) == 2:
            raise RewardServerError("the server is gone; start it and run again.")
        return [float(len(completion)) + i for i, completion in enumerate(completions)]

    monkeypatch.setattr(code_reward_trl.rewards, "syntax_reward", lambda: dies_once)
    shutil.copytree(settings["policy"], tmp_path / "policy")
    AutoModelForCausalLM.from_pretrained(settings["policy"], dtype=stored).save_pretrained(tmp_path / "policy")
    command = Grpo(reward="syntax", lora=4, save_steps=1, **{**settings, "policy": tmp_path / "policy"})
    with pytest.raises(RewardServerError):
        main(command)
    main(command)
    assert_whole(tmp_path)
    assert len(calls) == 3, "the step before the checkpoint is not repeated"
    before, after = (AutoModelForCausalLM.from_pretrained(tmp_path / name).state_dict() for name in ("policy", "trained"))
    assert before.keys() == after.keys()
    for name, weight in after.items():
        assert weight.dtype == stored
        assert torch.equal(weight, before[name]) == ("_proj" not in name), name


def test_adapters_and_shards_do_not_go_together(settings: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigurationError, match="--lora keeps the whole model in each process"):
        main(Grpo(reward="syntax", lora=4, **settings))


def test_with_the_tests(settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(psutil.Process().children(recursive=True))
    problems = [problem.model_copy(update={"starter_code": "import operator"}) for problem in load_problems(settings["problems"])]
    save_problems(tmp_path / "problems.jsonl", problems)
    # A random policy writes no program: this one has learnt the first problem by heart, and relies on its starter code.
    by_heart = "def shift(n):\n    return operator.add(n, 1)"
    monkeypatch.setattr(code_reward_trl.rewards, "content", lambda completion, entry_point=None: f"```python\n{by_heart}\n```")
    main(Grpo(reward="tests", **{**settings, "problems": tmp_path / "problems.jsonl"}))
    for row in assert_whole(tmp_path):
        assert row.reward == float(row.problem_id == "p1")
    assert set(psutil.Process().children(recursive=True)) == before, "the sandbox is closed"


def test_with_a_served_reward_model_nothing_is_executed(
    settings: dict[str, object], tmp_path: Path, rm_dir: Path, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untouchable(*arguments: object, **named: object) -> None:
        raise AssertionError("a sandbox was made")

    monkeypatch.setattr(reward_servers.sandbox.pool.LocalSandbox, "__init__", untouchable)
    monkeypatch.setattr(reward_servers.sandbox, "connect", untouchable)
    main(Grpo(reward="rm", rm=rm_dir, rm_url=[server_url], **settings))
    rejected = [row.reward for row in assert_whole(tmp_path) if extract_code(row.response, entry_point="shift").code is None]
    assert set(rejected) <= {-0.5}


def test_a_dead_server_stops_the_run_which_then_goes_on(
    settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = code_reward_trl.rewards.syntax_reward(), []

    async def dies_once(**columns: object) -> list[float | None]:
        calls.append(len(calls))
        if len(calls) == 3:
            raise RewardServerError("the server is gone; start it and run again.")
        return await real(**columns)

    dies_once.__name__ = "dies_once"
    monkeypatch.setattr(code_reward_trl.rewards, "syntax_reward", lambda: dies_once)
    command = Grpo(reward="syntax", save_steps=1, **{**settings, "steps": 3})
    with pytest.raises(RewardServerError, match="start it and run again"):
        main(command)
    with (tmp_path / "trained.rollouts.jsonl").open("a") as lines:
        lines.write(Rollout(step=2, problem_id="p1", response="of the step that is repeated", reward=1.0).model_dump_json() + "\n")
        lines.write('{"step": 2, "problem_id": "p1", "respon')
    kept = (tmp_path / "trained.rollouts.jsonl").read_bytes()
    with pytest.raises(ConfigurationError, match=r"trained.checkpoints .*another --learning-rate;"):
        main(command.model_copy(update={"learning_rate": 1.0}))
    assert (tmp_path / "trained.rollouts.jsonl").read_bytes() == kept
    main(command.model_copy(update={"save_steps": 2}))
    assert_whole(tmp_path, steps=3)
    assert len(calls) == 4, "the two steps before the checkpoint are not repeated"


def test_a_new_run_does_not_mix_its_rollouts_with_old_ones(settings: dict[str, object], tmp_path: Path) -> None:
    for steps in (2, 1):
        main(Grpo(reward="syntax", **{**settings, "steps": steps}))
        assert_whole(tmp_path, steps=steps)


def test_a_reward_model_without_an_address_is_one_sentence(settings: dict[str, object], rm_dir: Path) -> None:
    for half in ({}, {"rm": rm_dir}, {"rm_url": ["http://127.0.0.1:1"]}):
        with pytest.raises(ConfigurationError, match=r"--rm .*--rm-url"):
            main(Grpo(reward="rm", **settings, **half))


def test_a_server_that_is_not_there_ends_the_run_before_it_begins(settings: dict[str, object], tmp_path: Path, rm_dir: Path) -> None:
    with pytest.raises(RewardServerError, match="start or correct the reward server"):
        main(Grpo(reward="rm", rm=rm_dir, rm_url=["http://127.0.0.1:1"], **settings))
    assert not (tmp_path / "trained.checkpoints").exists()


def test_fewer_problems_than_a_step_needs_are_one_sentence(settings: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has \d problems, fewer than the 8 prompts of a step; .*--prompts"):
        main(Grpo(reward="syntax", **{**settings, "prompts": 8}))
    assert not (tmp_path / "trained").exists()


def test_raw_scores_without_a_value_for_rejected_answers_are_one_sentence(
    settings: dict[str, object], rm_dir: Path, server_url: str
) -> None:
    command = {"reward": "rm", "rm": rm_dir, "rm_url": [server_url], "shaping": "raw"}
    with pytest.raises(ConfigurationError, match="no value for rejected answers; set one"):
        _reward(Grpo(**command, **settings))
    _reward(Grpo(**command, rejected=-5.0, **settings))


def test_an_answer_begins_with_the_prefill_for_the_policy_and_for_the_reward(
    settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []
    real = Dataset.from_list

    def seen(rows: list[dict[str, str]]) -> Dataset:
        prompts.extend(row["prompt"] for row in rows)
        return real(rows)

    monkeypatch.setattr(Dataset, "from_list", seen)
    main(Grpo(reward="syntax", system="Be brief.", prefill="```python\n", top_k=5, warmup=0.5, **settings))
    assert all(prompt.endswith("assistant\n```python\n") for prompt in prompts)
    assert all("Be brief." in prompt for prompt in prompts)
    assert all(row.response.startswith("```python\n") for row in assert_whole(tmp_path))


def test_a_step_is_divided_among_processes_and_passes() -> None:
    command = {"policy": "p", "problems": "q", "out": "o", "prompts": 32, "group": 7}
    assert _divide(Grpo(**command, device_batch=4), 7) == (4, 8)
    assert _divide(Grpo(**command), 7) == (32, 1)
    with pytest.raises(ConfigurationError, match="32 prompts of 7 completions do not divide among 3 processes of 4"):
        _divide(Grpo(**command, device_batch=4), 3)


def test_gradients_of_several_passes_make_one_step(settings: dict[str, object], tmp_path: Path) -> None:
    main(Grpo(reward="syntax", device_batch=2, **settings))
    assert_whole(tmp_path)


def test_a_policy_is_trained_in_single_precision_whatever_it_is_stored_in(settings: dict[str, object], tmp_path: Path) -> None:
    """In bfloat16 a learning rate of 1e-6 would change no weight."""
    stored = tmp_path / "stored"
    shutil.copytree(settings["policy"], stored)
    AutoModelForCausalLM.from_pretrained(stored).to(torch.bfloat16).save_pretrained(stored)
    main(Grpo(reward="syntax", **{**settings, "policy": stored}))
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "trained").dtype == torch.float32

"""Our rewards in verl's own configuration, loader, reward loop and advantage computation. Needs verl: `make test-verl`."""

import asyncio
import json
import math

import pytest

pytest.importorskip("verl", reason="verl is not installed here; make test-verl runs this")

import numpy as np
import torch
from code_reward_verl import unit_tests
from code_reward_verl.settings import client_of
from hydra import compose, initialize_config_module
from transformers import PreTrainedTokenizerFast
from verl import DataProto
from verl.experimental.reward_loop.reward_loop import RewardLoopManager, RewardLoopWorker
from verl.trainer.ppo.ray_trainer import compute_advantage
from verl.trainer.ppo.reward import get_custom_reward_fn

from code_reward.errors import ConfigurationError, DataError, RewardServerError
from code_reward.rm_input import RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from tests.helpers.misbehaving import FAULTS, Misbehaving, misbehave, score_of
from tests.helpers.tiny_rm import answer, build_client_folder, save_tokenizer, statement

FUNCTION = ["reward.custom_reward_function.path=pkg://code_reward_verl.rewards"]
MANAGER = [
    "reward.reward_manager.source=importlib",
    "reward.reward_manager.module.path=pkg://code_reward_verl.manager",
    "reward.reward_manager.name=MaskingRewardManager",
    "algorithm.adv_estimator=code_reward_group",
]
IMPATIENT = {"deadline_seconds": 1.0, "request_seconds": 0.4, "cache_items": 0}


@pytest.fixture
def folder(tmp_path):
    return build_client_folder(tmp_path / "rm", score_of)


@pytest.fixture
async def server():
    async with Misbehaving() as server:
        yield server


@pytest.fixture(autouse=True)
async def _fresh_clients():
    yield
    client_of.cache_clear()


def config_of(folder, options, urls=(), **client):
    """verl's own configuration with the options that docs/verl.md shows."""
    policy = folder.parent / "policy"
    policy.mkdir(exist_ok=True)
    save_tokenizer(policy)
    kwargs = "+reward.custom_reward_function.reward_kwargs"
    named = [f"{kwargs}.rm_dir={folder}", *([f"{kwargs}.rm_urls=[{','.join(urls)}]"] if urls else [])]
    named += [f"{kwargs}.client.{key}={value}" for key, value in client.items()]
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=[f"actor_rollout_ref.model.path={policy}", "reward.num_workers=1", *options, *named])


def batch_of(folder, answers, **columns):
    """verl's batch of these answers, as its agent loop hands it to the reward loop."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    encoded = [tokenizer(text)["input_ids"] for text in answers]
    width = max(map(len, encoded))
    responses = torch.zeros(len(answers), width, dtype=torch.long)
    mask = torch.zeros(len(answers), width, dtype=torch.long)
    for row, ids in enumerate(encoded):
        responses[row, : len(ids)], mask[row, : len(ids)] = torch.tensor(ids), 1
    prompts = torch.ones(len(answers), 1, dtype=torch.long)
    tensors = {"prompts": prompts, "responses": responses, "attention_mask": torch.cat([prompts, mask], dim=1)}
    rows = {"data_source": ["toy"] * len(answers), "reward_model": [{"ground_truth": ""} for _ in answers], **columns}
    return DataProto.from_dict(tensors, {name: np.array(values, dtype=object) for name, values in rows.items()})


def rows_of(count):
    return [{"statement": statement(i), "entry_point": f"add_{i}"} for i in range(count)]


def expected(folder, i):
    encoded = RMInput.load(folder).build(statement(i), answer(i), f"add_{i}")
    return shape(Scored(score_of(encoded.ids)), "default")


async def asked(config, **arguments):
    function = get_custom_reward_fn(config)
    given = {"data_source": "toy", "solution_str": answer(0), "ground_truth": "", "extra_info": rows_of(1)[0], **arguments}
    return await function(**given)


async def test_verls_own_loader_finds_the_function_and_its_settings(folder, server):
    result = await asked(config_of(folder, FUNCTION, [server.url]))
    assert result["score"] == expected(folder, 0)
    assert (result["verdict"], result["reason"], result["rejected"]) == ("scored", "", 0.0)


async def test_an_answer_without_a_program_is_rejected_with_the_same_columns(folder, server):
    config = config_of(folder, FUNCTION, [server.url])
    rejected, scored = await asked(config, solution_str="I do not know."), await asked(config)
    assert rejected.keys() == scored.keys()
    assert (rejected["verdict"], rejected["reason"]) == ("rejected", "no_code")
    assert rejected["score"] < scored["score"]
    assert math.isnan(rejected["raw"])


async def test_without_servers_of_its_own_it_asks_the_model_that_verl_serves(folder):
    async with Misbehaving(router=True) as router:
        address = router.url.removeprefix("http://")
        result = await asked(config_of(folder, FUNCTION), reward_router_address=address, reward_model_tokenizer=object())
    assert result["score"] == expected(folder, 0)


@pytest.mark.parametrize(
    ("options", "row", "error", "said"),
    [
        ({"urls": []}, rows_of(1)[0], ConfigurationError, "names no reward model server"),
        ({"request_secs": 1}, rows_of(1)[0], ConfigurationError, "client.request_secs"),
        ({}, {"index": 3}, DataError, "extra_info holds index, and no statement"),
        ({}, {}, DataError, "extra_info holds nothing"),
    ],
)
async def test_settings_and_rows_that_cannot_work_are_named(folder, server, options, row, error, said):
    urls = options.pop("urls", [server.url])
    with pytest.raises(error, match=said):
        await asked(config_of(folder, FUNCTION, urls, **options), extra_info=row)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_reward_model_stops_the_run_and_is_never_a_number(folder, server, fault):
    await misbehave(server, fault)
    with pytest.raises(RewardServerError, match="check the reward server"):
        await asked(config_of(folder, FUNCTION, [server.url], **IMPATIENT))


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_manager_masks_what_a_faulty_reward_model_leaves_open(folder, server, fault):
    patient, impatient = (
        RewardLoopWorker(config_of(folder, [*FUNCTION, *MANAGER], [server.url], **client)) for client in ({"cache_items": 0}, IMPATIENT)
    )
    batch = batch_of(folder, [answer(0), "I do not know."], extra_info=rows_of(2))
    before = await patient.compute_score_batch(batch)
    await misbehave(server, fault)
    during = await impatient.compute_score_batch(batch)
    assert [one["reward_score"] for one in before] == [pytest.approx(expected(folder, 0)), during[1]["reward_score"]]
    assert math.isnan(during[0]["reward_score"])
    assert during[0]["reward_extra_info"]["verdict"] == "missing"
    # An answer without a program needs no server.
    assert during[1]["reward_extra_info"]["verdict"] == "rejected"


async def test_the_manager_reads_the_statement_from_the_prompt_where_the_row_has_none(folder, server):
    worker = RewardLoopWorker(config_of(folder, [*FUNCTION, *MANAGER], [server.url]))
    prompts = [[{"role": "user", "content": statement(0)}], [{"role": "user", "content": "Something else."}]]
    batch = batch_of(folder, [answer(0)] * 2, extra_info=[{}, rows_of(1)[0]], raw_prompt=[*prompts])
    scores = [one["reward_score"] for one in await worker.compute_score_batch(batch)]
    assert scores[0] == pytest.approx(expected(folder, 0))
    assert scores[1] == scores[0], "the row's own statement goes before the prompt"


async def test_the_manager_refuses_an_estimator_that_would_spread_what_is_missing(folder, server):
    with pytest.raises(ConfigurationError, match=r"algorithm.adv_estimator=code_reward_group, not grpo"):
        RewardLoopWorker(config_of(folder, [*FUNCTION, *MANAGER, "algorithm.adv_estimator=grpo"], [server.url]))


def advantages_of(rewards, groups, **config):
    """verl's own computation, from scores on the last token."""
    import code_reward_verl.manager  # noqa: F401  verl loads it, and with it the estimator, when it resolves the manager

    tokens = torch.zeros(len(rewards), 3)
    tokens[:, 2] = torch.tensor(rewards)
    data = DataProto.from_dict(
        {"token_level_rewards": tokens, "response_mask": torch.ones(len(rewards), 3)}, {"uid": np.array(groups, dtype=object)}
    )
    done = compute_advantage(data, adv_estimator="code_reward_group", config=config or None)
    # No KL or entropy term trains on what has no verdict.
    assert done.batch["response_mask"].tolist() == [[0.0 if math.isnan(reward) else 1.0] * 3 for reward in rewards]
    return done.batch["advantages"]


def test_a_missing_verdict_leaves_its_group_alone():
    found = advantages_of([1.0, 0.0, math.nan, 0.5, 0.5, 0.0], ["a", "a", "a", "b", "b", "b"])
    alone = advantages_of([1.0, 0.0, 0.5, 0.5, 0.0], ["a", "a", "b", "b", "b"])
    assert torch.equal(found[[0, 1, 3, 4, 5]], alone)
    assert found[2].tolist() == [0.0, 0.0, 0.0]
    assert found[0].tolist() == pytest.approx([1 / math.sqrt(2)] * 3)


def test_without_missing_verdicts_it_is_verls_own_grpo():
    rewards, groups = [0.3, 0.9, 0.1, 0.7, 0.2, 0.25], ["a"] * 3 + ["b"] * 3
    tokens = torch.zeros(6, 3)
    tokens[:, 2] = torch.tensor(rewards)
    data = DataProto.from_dict({"token_level_rewards": tokens, "response_mask": torch.ones(6, 3)}, {"uid": np.array(groups, dtype=object)})
    verls = compute_advantage(data, adv_estimator="grpo").batch["advantages"]
    assert torch.allclose(advantages_of(rewards, groups), verls, atol=1e-4)
    unscaled = advantages_of(rewards, groups, norm_adv_by_std_in_grpo=False)
    assert unscaled[0].tolist() == pytest.approx([0.3 - 1.3 / 3] * 3)


def test_a_batch_of_which_most_is_missing_stops_the_run():
    with pytest.raises(RewardServerError, match="3 of 4 verdicts of a batch are missing"):
        advantages_of([math.nan] * 3 + [1.0], ["a"] * 4)


def test_verls_own_data_set_reads_what_prompts_writes(folder, tmp_path):
    from verl.utils.dataset.rl_dataset import RLHFDataset

    from code_reward.problem import Problem
    from code_reward.rows import write_rows
    from data_prep.prompts.__main__ import Prompts, main

    problems = [Problem(id=f"toy/{i}", statement=statement(i), entry_point=f"add_{i}", source="toy") for i in range(3)]
    write_rows(tmp_path / "problems.jsonl", problems)
    main(Prompts(source="problems", path=[tmp_path / "problems.jsonl"], out=tmp_path / "train.parquet", _cli_parse_args=False))
    config = config_of(folder, [f"data.train_files={tmp_path}/train.parquet"])
    rows = RLHFDataset([str(tmp_path / "train.parquet")], PreTrainedTokenizerFast.from_pretrained(folder), config.data)
    row = rows[0]
    known = row["extra_info"]
    assert (row["data_source"], known["statement"]) == ("toy", statement(int(known["id"].removeprefix("toy/"))))
    assert row["raw_prompt"][0]["content"].startswith(known["statement"])


@pytest.mark.timeout(1500)
def test_verls_reward_loop_over_ray(folder):
    """Driver and workers as in a run: Ray's actors load the manager by its path and score in their own processes."""
    import ray

    async def serve(stop, ready):
        async with Misbehaving() as server:
            ready.put(server.url)
            await asyncio.to_thread(stop.wait)

    import queue
    import threading

    stop, ready = threading.Event(), queue.Queue()
    thread = threading.Thread(target=lambda: asyncio.run(serve(stop, ready)))
    thread.start()
    try:
        # "local": without it Ray joins whatever cluster runs here, or the one that last ran and left its address behind.
        ray.init("local", num_cpus=2, include_dashboard=False, configure_logging=False, _node_ip_address="127.0.0.1")
        manager = RewardLoopManager(config_of(folder, [*FUNCTION, *MANAGER, "reward.num_workers=2"], [ready.get(timeout=30)]))
        batch = batch_of(folder, [answer(0), answer(1), "I do not know."], extra_info=rows_of(3))
        scored = manager.compute_rm_score(batch)
    finally:
        ray.shutdown()
        stop.set()
        thread.join()
    sums = scored.batch["rm_scores"].sum(dim=-1).tolist()
    assert sums[:2] == pytest.approx([expected(folder, 0), expected(folder, 1)])
    assert scored.non_tensor_batch["verdict"].tolist() == ["scored", "scored", "rejected"]
    assert scored.meta_info["reward_extra_keys"] == ["score", "verdict", "reason", "raw", "rejected"]


# The tests of a row as the reward.

TESTED = ["reward.custom_reward_function.path=pkg://code_reward_verl.unit_tests"]
TESTS = json.dumps([{"kind": "asserts", "code": "assert add_0(1, 2) == 3"}, {"kind": "asserts", "code": "assert add_0(1, 0) == 2"}])


def tested(folder, **options):
    named = [f"+reward.custom_reward_function.reward_kwargs.{name}={value}" for name, value in options.items()]
    policy = folder.parent / "policy"
    policy.mkdir(exist_ok=True)
    save_tokenizer(policy)
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=[f"actor_rollout_ref.model.path={policy}", *TESTED, *named])


@pytest.fixture
async def _no_sandbox_left():
    yield
    await unit_tests._sandbox(None).close()
    unit_tests._sandbox.cache_clear()


@pytest.mark.usefixtures("_no_sandbox_left")
async def test_the_tests_of_a_row_are_a_reward(folder):
    row = {"entry_point": "add_0", "tests": TESTS}
    right = json.dumps(json.loads(TESTS)[:1])
    passed = await asked(tested(folder), extra_info={**row, "tests": right})
    assert (passed["score"], passed["verdict"]) == (1.0, "scored")
    assert (await asked(tested(folder), extra_info=row))["score"] == 0.0
    assert (await asked(tested(folder, tests_reward="fraction"), extra_info=row))["score"] == 0.5
    rejected = await asked(tested(folder), solution_str="I do not know.", extra_info=row)
    assert (rejected["score"], rejected["reason"]) == (0.0, "no_code")
    assert rejected.keys() == passed.keys()


async def test_a_dead_sandbox_stops_the_run(folder, monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.client._ATTEMPTS", 1)
    row = {"entry_point": "add_0", "tests": TESTS}
    with pytest.raises(RewardServerError, match="No verdict of the tests"):
        await asked(tested(folder, sandbox_url="http://127.0.0.1:9", deadline_seconds=5), extra_info=row)


@pytest.mark.parametrize(
    ("options", "row", "error", "said"),
    [
        ({"sandbox": "x"}, {"tests": TESTS}, ConfigurationError, "sandbox: not known"),
        ({"tests_reward": "difficulty"}, {"tests": TESTS}, ConfigurationError, "tests_reward=difficulty"),
        ({}, {"statement": "s"}, DataError, "extra_info holds statement, and no tests"),
        ({}, {"tests": "[]"}, DataError, "no tests"),
        ({}, {"tests": "[3]"}, DataError, "are not what"),
    ],
)
async def test_settings_and_tests_that_cannot_work_are_named(folder, options, row, error, said):
    with pytest.raises(error, match=said):
        await asked(tested(folder, **options), extra_info=row)

"""slime's own code, unmodified, around our hooks: its rollout loops, its reward conversion, its logs. Needs SLIME_ROOT."""

import asyncio
import importlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from code_reward_slime import connections, trainer
from code_reward_slime.post_process import group_advantages
from code_reward_slime.samples import is_missing
from misbehaving import Misbehaving, other_score_of
from misbehaving_judge import MisbehavingJudge
from slime_samples import REAL_SLIME, make_args
from tiny_rm import answer, program, save_tokenizer, statement

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.rm_input import RMInput
from reward_servers.client import RewardClient

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not REAL_SLIME,
    reason="SLIME_ROOT is not set: not checked are slime's rollout loops (stock and fully-async), evaluation, abort, conversion, "
    "default logs, and slime_plugins.models.glm4 beside our package",
)


@pytest.fixture(scope="module")
def background():
    """Runs coroutines in another thread's event loop: slime blocks the thread that calls it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(30)
    asyncio.run_coroutine_threadsafe(cancel_all(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def cancel_all():
    """End the requests that servers keep hanging."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def rm(background):
    server = Misbehaving()
    background(server.start())
    yield server
    background(server.stop())


@pytest.fixture
def run(background, rm, client_dir, tmp_path, monkeypatch):
    """slime's arguments for a run on 6 prompts, with slime's singletons as in a new process."""
    from slime.rollout import data_source, fully_async_rollout, sglang_rollout
    from slime.utils import async_utils, http_utils

    policy = Misbehaving(router=True)
    background(policy.start())
    prompts = tmp_path / "prompts.jsonl"
    rows = [{"text": f"prompt {i}", "metadata": {"id": f"p{i}", "statement": statement(i)}} for i in range(6)]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "policy").mkdir()
    save_tokenizer(tmp_path / "policy")
    for module in (sglang_rollout, data_source):
        monkeypatch.setattr(module, "load_processor", lambda *args, **options: None)
    monkeypatch.setattr(sglang_rollout.GenerateState, "_instances", {})
    monkeypatch.setattr(http_utils, "_http_client", None)
    unset = ["dump_details", "rollout_max_prompt_len", "multimodal_keys", "label_key", "tool_key", "apply_chat_template_kwargs"]
    unset += [
        "buffer_filter_path",
        "rollout_sample_filter_path",
        "rollout_all_samples_process_path",
        "rollout_stop",
        "rollout_stop_token_ids",
    ]
    unset += ["custom_rollout_log_function_path", "sglang_dp_size", "rm_type", "load_debug_rollout_data", "eval_max_prompt_len"]
    unset += ["dynamic_sampling_filter_path", "rollout_sample_hook_path"]
    args = make_args(
        **dict.fromkeys(unset),
        prompt_data=str(prompts),
        hf_checkpoint=str(tmp_path / "policy"),
        input_key="text",
        metadata_key="metadata",
        apply_chat_template=False,
        rollout_global_dataset=True,
        rollout_shuffle=False,
        rollout_seed=1,
        over_sampling_batch_size=2,
        group_rm=False,
        sglang_server_concurrency=8,
        rollout_num_engines=1,
        rollout_num_gpus=1,
        rollout_temperature=1.0,
        rollout_top_p=1.0,
        rollout_top_k=-1,
        rollout_max_response_len=8,
        rollout_skip_special_tokens=False,
        use_distributed_post=False,
        sglang_router_ip="127.0.0.1",
        sglang_router_port=policy.port,
        mask_offpolicy_in_partial_rollout=False,
        custom_generate_function_path="slime_policy.generate",
        custom_rm_path="code_reward_slime.rewards.model_reward",
        code_reward_rm_dir=str(client_dir),
        code_reward_rm_urls=[rm.url],
        code_reward_client={"deadline_seconds": 600, "request_seconds": 30, "backoff_seconds": 0.01, "max_backoff_seconds": 0.05},
    )
    http_utils.init_http_client(args)
    yield args
    fully_async_rollout._stop_global_worker()
    async_utils.run(connections.close())
    background(policy.stop())


def slimes_log(name):
    """A log function of slime: since 0.3.1 they have a module of their own."""
    try:
        from slime.observability import rollout_metrics
    except ModuleNotFoundError:
        return getattr(importlib.import_module("slime.ray.rollout"), f"_{name}")
    return getattr(rollout_metrics, name)


class Manager:
    """slime's RolloutManager without its engines: the methods are slime's own."""

    def __init__(self, args, rollout="slime.rollout.sglang_rollout.generate_rollout"):
        from slime.ray.rollout import RolloutManager
        from slime.utils.misc import load_function

        self.args = args
        self.data_source = load_function("slime.rollout.data_source.RolloutDataSourceWithBuffer")(args)
        self.generate_rollout = load_function(rollout)
        self.custom_reward_post_process_func = (
            load_function(args.custom_reward_post_process_path) if args.custom_reward_post_process_path else None
        )
        self.custom_convert_samples_to_train_data_func = None
        # Where Ray is installed, slime's class is wrapped in an actor's, whose functions are not those that slime wrote.
        actor = getattr(RolloutManager, "__ray_metadata__", None)
        self._slime = actor.modified_class if actor else RolloutManager

    def _post_process_rewards(self, samples):
        return self._slime._post_process_rewards(self, samples)

    def generate(self, rollout_id=0):
        """What RolloutManager.generate does, without health monitors, dumps and the split over ranks."""
        samples, metrics = self._slime._get_rollout_data(self, rollout_id)
        slimes_log("log_rollout_data")(rollout_id, self.args, samples, metrics, 1.0)
        return samples, self._slime._convert_samples_to_train_data(self, samples)


FULLY_ASYNC = "slime.rollout.fully_async_rollout.generate_rollout_fully_async"
LOOPS = ["slime.rollout.sglang_rollout.generate_rollout", FULLY_ASYNC]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_rollout_of_slime_is_rewarded_and_normalised(run, loop):
    samples, data = Manager(run, loop).generate()
    assert len(samples) == 4
    raw, advantages = group_advantages(run, samples)
    assert data["raw_reward"] == raw == [sample.reward for sample in samples]
    assert data["rewards"] == advantages
    assert data["loss_masks"] == [[1, 1]] * 4
    assert advantages[0] == pytest.approx(-advantages[1])
    assert advantages[0] != 0


MARK = "\u03a9"


@pytest.fixture
def poison(rm, client_dir, monkeypatch):
    """Give the answers of some samples a token on which the reward model's server fails in some way."""
    import slime_policy

    def spread(fault, is_poisoned):
        ids = [set(RMInput.load(client_dir).encode("", text).ids) for text in (program(0), f"{program(0)}  # {MARK}")]
        rm.poison.update(dict.fromkeys(ids[1] - ids[0], fault))
        marked = lambda sample: answer(sample.index).replace("total\n", f"total  # {MARK}\n")  # noqa: E731
        monkeypatch.setattr(slime_policy, "respond", lambda sample: marked(sample) if is_poisoned(sample) else answer(sample.index))

    return spread


@pytest.mark.parametrize("loop", LOOPS)
def test_a_missing_verdict_is_masked_and_moves_nothing(run, poison, loop):
    run.n_samples_per_prompt = 3
    poison("400", lambda sample: sample.index % 3 == 1)
    samples, data = Manager(run, loop).generate()
    assert [is_missing(sample) for sample in samples] == [False, True, False] * 2
    assert {sample.metadata["code_reward"]["reason"] for sample in samples[1::3]} == {"refused"}
    assert data["loss_masks"] == [[1, 1], [0, 0], [1, 1]] * 2
    for first in (0, 3):
        assert data["rewards"][first + 1] == 0.0
        assert data["rewards"][first] == pytest.approx(-data["rewards"][first + 2])
        assert data["rewards"][first] != 0


def test_a_fanned_out_rollout_counts_once(run):
    run.custom_generate_function_path = "slime_policy.generate_in_turns"
    samples, data = Manager(run).generate()
    assert len(samples) == 8
    assert data["rewards"][0] == data["rewards"][1] == pytest.approx(-data["rewards"][2])


AGENT = ["wrong in one turn", "right in the last turn", "right in the middle turn", "aborted", "missing"]


@pytest.mark.parametrize("reward_key", [None, "code"])
def test_rollouts_of_several_turns_aborted_and_missing_ones_among_them(run, reward_key, monkeypatch):
    """Every right rollout has the higher advantage, nothing crashes, nothing is counted that was not judged."""
    logged = {}
    monkeypatch.setattr(trainer.observability("logging_utils"), "log", lambda args, metrics, step_key: logged.update(metrics))
    tests = [[{"kind": "asserts", "code": f"assert add_{i}(1, 1) == {i + 2}"}] for i in range(6)]
    rows = [
        {"text": "p", "metadata": {"number": i, "statement": statement(i), "entry_point": f"add_{i}", "tests": tests[i]}} for i in range(6)
    ]
    Path(run.prompt_data).write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.n_samples_per_prompt, run.code_reward_max_missing, run.reward_key = 5, 0.9, reward_key
    run.log_reward_category = "kind" if reward_key else None
    run.custom_generate_function_path = "slime_policy.generate_as_agent"
    run.custom_rm_path = "code_reward_slime.rewards.unit_test_reward"
    run.dynamic_sampling_filter_path = "code_reward_slime.filters.informative_group"
    run.custom_rollout_log_function_path = "code_reward_slime.rollout_log.log_rewards"
    samples, data = Manager(run).generate()
    by_kind = {kind: [n for n, sample in enumerate(samples) if AGENT[sample.index % 5] == kind] for kind in AGENT}
    assert [len(by_kind[kind]) for kind in AGENT] == [2, 6, 6, 6, 6]
    for kind in ("right in the last turn", "right in the middle turn"):
        assert [data["rewards"][n] for n in by_kind[kind]] == pytest.approx([3**-0.5] * 6)
        assert all(data["loss_masks"][n] == [1, 1, 0] for n in by_kind[kind])
    assert [data["rewards"][n] for n in by_kind["wrong in one turn"]] == pytest.approx([-2 * 3**-0.5] * 2)
    for kind in ("aborted", "missing"):
        assert all(data["rewards"][n] == 0.0 and data["loss_masks"][n] == [0, 0, 0] for n in by_kind[kind])
    assert (logged["rollout/code_reward/scored"], logged["rollout/code_reward/missing"]) == (0.6, 0.4)
    assert logged["rollout/code_reward/reward/mean"] == pytest.approx(2 / 3)
    assert logged["rollout/code_reward/missing/bad_metadata"] == 0.2
    assert logged["rollout/code_reward/missing/aborted"] == 0.2


def test_group_rm_passes_a_list(run):
    run.group_rm = True
    samples, _ = Manager(run).generate()
    assert all(type(sample.reward) is float for sample in samples)


def test_reward_keys_go_through_slimes_own_logs(run):
    run.reward_key, run.log_reward_category = "code", "kind"
    samples, data = Manager(run).generate()
    assert data["raw_reward"] == [sample.reward["code"] for sample in samples]
    assert {sample.reward["kind"] for sample in samples} == {"scored"}


def stay(run, rm, deadline, **fault):
    """Have the server misbehave for good, in a run that does not wait long for it."""
    vars(rm).update(fault)
    run.code_reward_client = {**run.code_reward_client, "deadline_seconds": deadline}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("break_it", "kind", "message"),
    [
        (lambda run, rm: vars(run).update(code_reward_shapping="raw"), ConfigurationError, "code_reward_shapping"),
        (lambda run, rm: vars(run).update(custom_reward_post_process_path=None), ConfigurationError, "--custom-reward-post-process-path"),
        (lambda run, rm: vars(run).update(code_reward_rm_dir="nowhere"), ConfigurationError, "nowhere"),
        (lambda run, rm: stay(run, rm, 5, score=other_score_of), RewardServerError, "code_reward_rm_dir"),
        (lambda run, rm: stay(run, rm, 0.5, fault="500"), RewardServerError, "verdicts are missing"),
        (lambda run, rm: stay(run, rm, 0.5, fault="hang"), RewardServerError, "verdicts are missing"),
    ],
)
def test_what_must_stop_a_run_stops_it_in_every_loop(run, rm, loop, break_it, kind, message):
    break_it(run, rm)
    with pytest.raises(kind, match=message):
        Manager(run, loop).generate()


def test_an_outage_stops_a_run_whose_filter_would_drop_every_group_for_ever(run, rm):
    run.dynamic_sampling_filter_path = "slime.rollout.filter_hub.dynamic_sampling_filters.check_reward_nonzero_std"
    run.code_reward_missing_window = 8
    stay(run, rm, 0.5, fault="500")
    with pytest.raises(RewardServerError, match="the last 8 verdicts are missing"):
        Manager(run).generate()


def test_our_filter_replaces_dull_groups(run, monkeypatch):
    import slime_policy

    run.dynamic_sampling_filter_path = "code_reward_slime.filters.informative_group"
    # The two answers to the first prompt are one program.
    monkeypatch.setattr(slime_policy, "respond", lambda sample: answer(0 if sample.group_index == 0 else sample.index))
    samples, _ = Manager(run).generate()
    assert 0 not in {sample.group_index for sample in samples}
    assert len(samples) == 4


def test_surplus_groups_do_not_wait_for_their_verdicts(run, poison, monkeypatch):
    ask = RewardClient.verdict

    async def ask_slowly(self, statement, response, entry_point=None):
        await asyncio.sleep(3600 if MARK in response else 0)
        return await ask(self, statement, response, entry_point)

    monkeypatch.setattr(RewardClient, "verdict", ask_slowly)
    run.over_sampling_batch_size = 4
    poison("400", lambda sample: sample.group_index >= 2)
    # Whoever waited would wait for an hour.
    samples, _ = Manager(run).generate()
    assert {sample.group_index for sample in samples} == {0, 1}


def test_evaluations_leave_missing_verdicts_out_of_slimes_mean(run, rm, tmp_path, monkeypatch):
    from slime.rollout.sglang_rollout import eval_rollout
    from slime.utils.async_utils import run as run_in_slimes_loop
    from slime.utils.eval_config import EvalDatasetConfig

    logged = {}
    monkeypatch.setattr(trainer.observability("logging_utils"), "log", lambda args, metrics, step_key: logged.update(metrics))
    run.eval_interval = 1
    run.custom_rm_path = "code_reward_slime.rewards.unit_test_reward"
    tests = [[{"kind": "asserts", "code": f"assert add_{i}(1, 1) == {i + 2}"}] for i in range(2)]
    rows = [{"text": "p", "metadata": {"statement": "s", "entry_point": f"add_{i}", "tests": tests[i]}} for i in range(2)]
    rows.append({"text": "p", "metadata": {"statement": "s", "entry_point": "add_2"}})
    path = tmp_path / "eval.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.eval_datasets = [
        EvalDatasetConfig(
            name="held_out",
            path=str(path),
            input_key="text",
            metadata_key="metadata",
            n_samples_per_eval_prompt=1,
            apply_chat_template=False,
            temperature=0.0,
            top_p=1.0,
            top_k=-1,
            max_response_len=8,
            custom_rm_path=run.custom_rm_path,
        )
    ]
    output, _ = run_in_slimes_loop(eval_rollout(run, 0))
    assert output.data["held_out"]["rewards"] == [1.0, 1.0, 0.0]
    slimes_log("log_eval_rollout_data")(0, run, output.data, output.metrics)
    assert logged["eval/held_out"] == 1.0
    assert logged["eval/held_out/code_reward/missing"] == pytest.approx(1 / 3)


def test_a_dumped_rollout_keeps_our_record(run):
    from slime.utils.types import Sample

    samples, _ = Manager(run).generate()
    again = Sample.from_dict(samples[0].to_dict())
    assert again.metadata["code_reward"]["verdict"] == "scored"


SIDE_BY_SIDE = """
import sys
sys.path.insert(0, {helpers!r})
import slime_modules
slime_modules.install_shells()
import slime_plugins.models.glm4, code_reward_slime.rewards, slime_plugins
assert slime_plugins.models.glm4.get_glm_spec
assert slime_plugins.__file__ == {theirs!r}, slime_plugins.__file__
assert code_reward_slime.__file__ == {ours!r}, code_reward_slime.__file__
"""


@pytest.mark.parametrize("slime_first", [True, False])
def test_slimes_plugins_and_ours_import_side_by_side(slime_first):
    theirs, ours = Path(os.environ["SLIME_ROOT"]).resolve(), ROOT / "slime_plugins"
    roots = [str(theirs), str(ours), str(ROOT)] if slime_first else [str(ours), str(ROOT), str(theirs)]
    code = SIDE_BY_SIDE.format(
        helpers=str(ROOT / "tests" / "helpers"),
        theirs=str(theirs / "slime_plugins" / "__init__.py"),
        ours=str(ours / "code_reward_slime" / "__init__.py"),
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
    done = subprocess.run([sys.executable, "-c", code], cwd=theirs, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def judge(background):
    server = MisbehavingJudge()
    background(server.start())
    yield server
    background(server.stop())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_judge_rewards_a_rollout_of_slime_and_a_dead_one_stops_it(run, judge, loop, monkeypatch):
    run.custom_rm_path = "code_reward_slime.rewards.judge_reward"
    run.code_reward_judge = {"urls": [judge.api], "model": "judge", "cache_items": 0}
    samples, data = Manager(run, loop).generate()
    assert {sample.metadata["code_reward"]["rm"] for sample in samples} == {"judge"}
    assert data["raw_reward"] == [sample.metadata["code_reward"]["score"] for sample in samples]
    judge.fault = "hang"
    client = list(connections._JUDGES.made.values())[-1]
    monkeypatch.setattr(client, "_settings", client._settings.model_copy(update={"deadline_seconds": 0.5}))
    # Fully-async slime has rollouts in store that were judged before.
    with pytest.raises(RewardServerError, match="verdicts are missing"):
        any(Manager(run, loop).generate(step) is None for step in range(1, 50))

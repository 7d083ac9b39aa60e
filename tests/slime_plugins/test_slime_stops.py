"""What must stop a run stops it, in every mode of slime, with one error that says what to do; what need not, does not."""

import copy
import pickle
import re

import numpy as np
import pytest
from code_reward_slime.connections import reward_client
from code_reward_slime.filters import informative_group
from code_reward_slime.health import HEALTH
from code_reward_slime.post_process import group_advantages
from code_reward_slime.refusal import Refusal
from code_reward_slime.rewards import model_reward, unit_test_reward
from code_reward_slime.settings import Settings, read_settings
from code_reward_slime.wiring import handles_missing
from misbehaving import other_score_of
from slime_samples import Status, judged, make_args, make_sample
from waiting import until_known

from code_reward.errors import CodeRewardError, ConfigurationError, RewardServerError
from code_reward.verdict import Missing, Rejected, Scored


def stops(args, samples):
    """The error with which slime's synchronous part stops."""
    with pytest.raises(CodeRewardError) as caught:
        group_advantages(args, samples)
    return caught.value


async def rewarded(args, *samples, reward=model_reward):
    for sample, value in zip(samples, await reward(args, list(samples)), strict=True):
        sample.reward = value
    return list(samples)


async def hurried(settings, reason):
    """The arguments of a run with short deadlines, whose client knows already why it gets no verdicts."""
    args = make_args(**{**settings, "code_reward_client": {**settings["code_reward_client"], "deadline_seconds": 1.0}})
    await until_known(await reward_client(args, read_settings(args)), reason)
    return args


@pytest.mark.parametrize(
    "use",
    [
        float,
        int,
        bool,
        round,
        abs,
        len,
        list,
        sum,
        lambda r: round(r, 1),
        lambda r: r == 0,
        lambda r: r != 0,
        lambda r: r > 0,
        lambda r: r + 1,
        lambda r: 1 + r,
        lambda r: sum([0.0, r]),
        lambda r: r / 2,
        lambda r: [r] == [Refusal(r.error)],
        lambda r: np.array([r, 1.0], dtype=float),
        lambda r: np.mean([1.0, r]),
        lambda r: __import__("torch").tensor([1.0, r]),
        lambda r: __import__("torch").tensor([r], dtype=__import__("torch").float),
    ],
)
def test_a_refusal_raises_its_error_whatever_one_does_with_it(use):
    with pytest.raises(ConfigurationError, match="the reason"):
        use(Refusal(ConfigurationError("the reason")))


def test_a_refusal_can_be_printed_copied_and_saved():
    refusal = Refusal(RewardServerError("the reason", kind="wrong_model"))
    assert "the reason" in f"{refusal} {[refusal]}"
    for other in (copy.deepcopy(refusal), pickle.loads(pickle.dumps(refusal))):
        assert (str(other.error), other.error.kind) == ("the reason", "wrong_model")


# Settings.


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"code_reward_shapping": "raw"}, "configuration"),
        ({"code_reward_rm_dir": "nowhere"}, "no_folder"),
        ({"code_reward_rm_dir": None}, "configuration"),
    ],
)
async def test_wrong_settings_are_missing_verdicts_that_stop_the_run(settings, wrong, reason):
    args = make_args(**{**settings, **wrong})
    samples = await rewarded(args, make_sample(1), make_sample(2))
    assert [sample.metadata["code_reward"]["reason"] for sample in samples] == [reason] * 2
    assert all(isinstance(sample.reward, Refusal) for sample in samples)
    assert isinstance(stops(args, samples), ConfigurationError)
    with pytest.raises(ConfigurationError):
        float(samples[0].reward)


async def test_a_router_without_the_model_names_what_it_serves(settings):
    args = make_args(**{**settings, "code_reward_rm_urls": []}, sglang_model_routers={"default": ("127.0.0.1", 1)})
    samples = await rewarded(args, make_sample(1))
    assert "serves: default" in str(stops(args, samples))


# The reward model.


async def test_another_model_behind_the_port_stops_the_run(settings, server):
    server.score = other_score_of
    args = await hurried(settings, "wrong_model")
    samples = await rewarded(args, make_sample(1))
    assert samples[0].metadata["code_reward"]["reason"] == "wrong_model"
    error = stops(args, samples)
    assert error.kind == "wrong_model"
    assert "code_reward_rm_dir" in str(error)


async def test_a_dead_server_stops_the_run_when_the_rollout_is_counted(settings, server):
    await server.stop()
    args = await hurried(settings, "unreachable")
    samples = await rewarded(args, *(make_sample(i) for i in range(4)))
    assert [sample.reward for sample in samples] == [0.0] * 4
    error = stops(args, samples)
    assert error.kind == "too_many_missing"
    assert re.search(r"100% of this rollout's verdicts are missing \(.*unreachable \d", str(error))


async def test_an_outage_shorter_than_the_limit_does_not(settings, server):
    await server.stop()
    short = make_args(**{**settings, "code_reward_client": {**settings["code_reward_client"], "deadline_seconds": 0.2}})
    lost = await rewarded(short, make_sample(1))
    await server.start()
    samples = lost + await rewarded(make_args(**settings), *(make_sample(i) for i in range(2, 5)))
    _, advantages = group_advantages(make_args(**settings), samples)
    assert advantages[0] == 0.0
    assert lost[0].remove_sample


# The window.


def window(*verdicts):
    for verdict in verdicts:
        HEALTH.record(verdict, Settings(missing_window=10, max_missing=0.4))
    return HEALTH.error(Settings(missing_window=10, max_missing=0.4))


def test_the_window_is_judged_when_it_is_full():
    assert window(*[Missing("timeout")] * 9) is None
    error = window(Missing("unreachable"))
    assert "timeout 9, unreachable 1" in str(error)
    assert "code_reward_max_missing = 0.4" in str(error)


def test_the_limit_itself_is_allowed_and_old_verdicts_are_forgotten():
    assert window(*[Missing("timeout")] * 4, *[Scored(1.0)] * 3, *[Rejected("no_code")] * 3) is None
    assert window(Missing("timeout")) is None
    assert window(*[Missing("timeout")] * 4) is not None
    assert window(*[Scored(0.0)] * 6) is None


def test_aborted_generations_say_nothing_about_servers():
    assert window(*[Missing("aborted")] * 50) is None


def test_the_first_fatal_error_counts():
    HEALTH.fail(ConfigurationError("first"))
    HEALTH.fail(ConfigurationError("second"))
    assert str(HEALTH.error(Settings())) == "first"


async def test_groups_that_are_dropped_for_ever_do_not_hide_an_outage(settings, server):
    await server.stop()
    client = {**settings["code_reward_client"], "deadline_seconds": 0.2}
    args = make_args(**{**settings, "code_reward_client": client, "code_reward_missing_window": 6})
    first = await rewarded(args, *(make_sample(i) for i in range(4)))
    assert informative_group(args, first).reason == "missing"
    second = await rewarded(args, *(make_sample(i) for i in range(4, 8)))
    with pytest.raises(RewardServerError, match="the last 6 verdicts are missing"):
        informative_group(args, second)
    # And if a filter of somebody else drops them: the rewards themselves refuse.
    with pytest.raises(RewardServerError, match="the last 6 verdicts are missing"):
        float(second[-1].reward)


# Runs without our post-processing.


def own_post_process(args, samples):
    return [], []


@handles_missing
def marked_post_process(args, samples):
    return [], []


OWN, MARKED = f"{__name__}.own_post_process", f"{__name__}.marked_post_process"


@pytest.fixture
def importable(monkeypatch):
    """This module under its own name, as slime's `load_function` would find it."""
    import sys
    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(own_post_process=own_post_process, marked_post_process=marked_post_process))


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"custom_reward_post_process_path": None}, "--custom-reward-post-process-path code_reward_slime.post_process.group_advantages"),
        ({"custom_reward_post_process_path": OWN}, "--custom-reward-post-process-path"),
        ({"custom_reward_post_process_path": "no.such.function"}, "--custom-reward-post-process-path"),
        ({"advantage_estimator": "reinforce_plus_plus"}, "another --advantage-estimator"),
        ({"advantage_estimator": "reinforce_plus_plus_baseline"}, None),
        ({"custom_convert_samples_to_train_data_path": OWN}, "--custom-convert-samples-to-train-data-path"),
        (
            {"eval_interval": 5, "custom_eval_rollout_log_function_path": None},
            "--custom-eval-rollout-log-function-path code_reward_slime.rollout_log.log_eval",
        ),
        ({"eval_interval": 5}, None),
        ({"eval_interval": None, "custom_eval_rollout_log_function_path": None}, None),
        ({"custom_reward_post_process_path": MARKED}, None),
        ({"custom_reward_post_process_path": None, "custom_convert_samples_to_train_data_path": MARKED}, None),
        ({"custom_reward_post_process_path": None, "debug_rollout_only": True}, None),
    ],
)
async def test_a_run_that_would_train_on_placeholders_is_stopped_with_the_flag_to_add(settings, importable, given, flag):
    samples = await rewarded(make_args(**settings, **given), make_sample(1), make_sample(1, status=Status.ABORTED))
    for sample in samples:
        if flag is None:
            assert type(sample.reward) is float
        else:
            with pytest.raises(ConfigurationError, match=flag):
                sample.reward + 1


async def test_unit_tests_alone_need_it_too():
    sample = make_sample(1, metadata={"statement": "s", "tests": []})
    await rewarded(make_args(custom_reward_post_process_path=None), sample, reward=unit_test_reward)
    with pytest.raises(ConfigurationError, match="group_advantages"):
        float(sample.reward)


async def test_a_refusal_in_a_sample_stops_the_advantages_although_all_is_well_now():
    samples = [judged(1.0), judged(Refusal(ConfigurationError("the reason")))]
    assert str(stops(make_args(), samples)) == "the reason"

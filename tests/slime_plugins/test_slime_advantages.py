"""From rewards to advantages, and which groups are worth training on."""

import math
import statistics

import pytest
from code_reward_slime.filters import informative_group
from code_reward_slime.post_process import group_advantages, method_of
from code_reward_slime.refusal import Refusal
from slime_samples import Sample, judged, make_args

from code_reward.errors import DataError

GONE = {"verdict": "missing", "reason": "timeout"}


def missing(group=0, **given):
    return judged(0.0, group, **GONE, **given)


def test_advantages_are_those_of_the_group_wherever_its_samples_stand():
    samples = [judged(1.0, 0), judged(5.0, 1), judged(3.0, 0), judged(6.0, 1), judged(7.0, 1)]
    raw, advantages = group_advantages(make_args(), samples)
    assert raw == [1.0, 5.0, 3.0, 6.0, 7.0]
    assert advantages == pytest.approx([-math.sqrt(0.5), -1.0, math.sqrt(0.5), 0.0, 1.0])


def test_a_missing_verdict_neither_moves_its_group_nor_is_trained_on():
    there = [judged(1.0), judged(2.0), judged(4.0)]
    _, without = group_advantages(make_args(), there)
    gone = missing()
    raw, advantages = group_advantages(make_args(), [there[0], gone, *there[1:]])
    assert [advantages[0], *advantages[2:]] == without
    assert advantages[1] == 0.0
    assert gone.remove_sample
    assert statistics.fmean(raw) == pytest.approx(7 / 3)


def test_a_group_with_one_verdict_has_no_advantage():
    _, advantages = group_advantages(make_args(), [judged(1.0, 0), missing(0), judged(2.0, 1), judged(3.0, 1)])
    assert advantages[:2] == [0.0, 0.0]


def test_a_fanned_out_rollout_counts_once():
    turns = [judged(1.0, rollout=7), judged(1.0, rollout=7), judged(1.0, rollout=7)]
    _, advantages = group_advantages(make_args(), [*turns, judged(3.0, rollout=8)])
    assert advantages == pytest.approx([-math.sqrt(0.5)] * 3 + [math.sqrt(0.5)])


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ({}, "grpo"),
        ({"advantage_estimator": "gspo"}, "grpo"),
        ({"grpo_std_normalization": False}, "dr_grpo"),
        ({"advantage_estimator": "reinforce_plus_plus_baseline"}, "dr_grpo"),
        ({"rewards_normalization": False}, "none"),
        ({"advantage_estimator": "ppo"}, "none"),
        ({"advantage_estimator": "reinforce_plus_plus"}, "none"),
    ],
)
def test_slimes_flags_choose_the_method(given, method):
    assert method_of(make_args(**given)) == method


@pytest.mark.parametrize(
    ("method", "advantages"),
    [
        ("grpo", [-1.0, 0.0, 1.0]),
        ("dr_grpo", [-2.0, 0.0, 2.0]),
        ("rank", [-1.0, 0.0, 1.0]),
        ("leave_one_out", [-3.0, 0.0, 3.0]),
        ("none", [1.0, 3.0, 5.0]),
    ],
)
def test_the_settings_choose_the_method_before_slimes_flags(method, advantages):
    args = make_args(code_reward_advantages=method, advantage_estimator="ppo")
    assert group_advantages(args, [judged(1.0), judged(3.0), judged(5.0)])[1] == pytest.approx(advantages)


def test_the_floor_keeps_noise_small():
    samples = [judged(0.5), judged(0.5002)]
    assert max(group_advantages(make_args(), samples)[1]) == pytest.approx(0.01)
    assert max(group_advantages(make_args(code_reward_std_floor=1e-9), samples)[1]) == pytest.approx(math.sqrt(0.5))


def test_rewards_in_dicts_and_rewards_of_others_are_read():
    own = judged({"code": 1.0, "kind": "scored"})
    others = [Sample(group_index=0, reward={"code": 0}), Sample(group_index=0, reward={"code": True})]
    raw, advantages = group_advantages(make_args(reward_key="code"), [own, *others])
    assert raw == [1.0, 0.0, 1.0]
    assert sum(advantages) == pytest.approx(0)


@pytest.mark.parametrize("reward", [math.nan, math.inf])
def test_somebody_elses_nan_is_an_error_not_an_advantage(reward):
    with pytest.raises(DataError, match="A reward is"):
        group_advantages(make_args(), [judged(reward), judged(1.0)])


def test_results_are_lists_of_finite_floats():
    for values in group_advantages(make_args(), [judged(1), missing(), judged(True)]):
        assert all(type(value) is float and math.isfinite(value) for value in values)


# The filter.


@pytest.mark.parametrize(
    ("group", "settings", "reason"),
    [
        ([judged(0.1), judged(0.9)], {}, None),
        ([judged(0.5), judged(0.5)], {}, "spread"),
        ([judged(0.5), judged(0.512)], {}, "spread"),
        ([judged(0.5), judged(0.512)], {"code_reward_filter_min_spread": 0.001}, None),
        ([judged(-0.5, verdict="rejected", reason="no_code")] * 2, {}, "rejected"),
        ([judged(-0.5, verdict="rejected", reason="no_code"), judged(0.5)], {}, None),
        ([judged(-0.5, verdict="rejected", reason="no_code"), judged(0.5)], {"code_reward_filter_max_rejected": 0.4}, "rejected"),
        ([missing(), missing(), judged(0.1), judged(0.9)], {}, None),
        ([missing(), missing(), missing(), judged(0.1), judged(0.9)], {}, "missing"),
        ([missing(), judged(0.9)], {}, "missing"),
        ([missing(), judged(0.1), judged(0.9)], {"code_reward_filter_max_missing": 0.0}, "missing"),
        ([[judged(0.9, rollout=1), judged(0.9, rollout=1)], [judged(0.1, rollout=2)]], {}, None),
        ([[judged(0.9, rollout=1), judged(0.1, rollout=1)]], {}, "missing"),
        ([Sample(reward=1.0), Sample(reward=0.0)], {}, None),
    ],
)
def test_a_group_is_kept_or_dropped_for_a_reason(group, settings, reason):
    output = informative_group(make_args(**settings), group)
    assert (output.keep, output.reason) == (reason is None, reason)
    assert not output.keep_when_insufficient


@pytest.mark.parametrize(("group", "kept"), [([judged(0.5), judged(0.5)], True), ([missing(), judged(0.5)], False)])
def test_a_dull_group_may_fill_the_batch_but_one_without_verdicts_never(group, kept):
    assert informative_group(make_args(code_reward_filter_keep_when_insufficient=True), group).keep_when_insufficient == kept


def test_the_filter_reads_reward_keys_and_raises_refusals():
    assert informative_group(make_args(reward_key="code"), [judged({"code": 0.1}), judged({"code": 0.9})]).keep
    with pytest.raises(DataError, match="the reason"):
        informative_group(make_args(), [judged(Refusal(DataError("the reason"))), judged(0.1)])

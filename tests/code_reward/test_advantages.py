import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.advantages import Method, group_advantages
from code_reward.errors import ConfigurationError, DataError

METHODS = get_args(Method)

methods = st.sampled_from(METHODS)
rewards = st.floats(-100, 100)
batches = st.lists(st.tuples(st.none() | rewards, st.integers(0, 3), st.integers(0, 4)), max_size=30)


def by_rollout(batch):
    """One reward per rollout, as a fan-out shares it."""
    shared = {(group, rollout): reward for reward, group, rollout in batch}
    return [(shared[group, rollout], group, rollout) for _, group, rollout in batch]


def advantages(batch, method="grpo", **options):
    columns = list(zip(*batch, strict=True)) or [(), (), ()]
    return group_advantages(*columns, method=method, **options)


@given(batches.flatmap(lambda batch: st.tuples(st.just(by_rollout(batch)), st.permutations(range(len(batch))))), methods)
def test_the_order_of_samples_does_not_matter(drawn, method):
    batch, order = drawn
    straight = advantages(batch, method)
    assert advantages([batch[i] for i in order], method) == [straight[i] for i in order]


@given(batches, methods)
def test_missing_members_have_advantage_zero_and_move_nobody(batch, method):
    batch = by_rollout(batch)
    everyone = advantages(batch, method)
    present = [row for row in batch if row[0] is not None]
    assert [value for value, row in zip(everyone, batch, strict=True) if row[0] is not None] == advantages(present, method)
    assert all(value == 0.0 for value, row in zip(everyone, batch, strict=True) if row[0] is None)


@given(batches, methods)
def test_the_mean_over_the_rollouts_of_a_group_is_zero(batch, method):
    batch = by_rollout(batch)
    per_rollout = {(row[1], row[2]): value for row, value in zip(batch, advantages(batch, method), strict=True) if row[0] is not None}
    for group in {row[1] for row in batch}:
        values = [value for (own, _), value in per_rollout.items() if own == group]
        assert math.fsum(values) == pytest.approx(0.0, abs=1e-8)


@given(batches, methods)
def test_advantages_keep_the_order_of_rewards(batch, method):
    batch = by_rollout(batch)
    pairs = [(row, value) for row, value in zip(batch, advantages(batch, method), strict=True) if row[0] is not None]
    for (reward, group, _), value in pairs:
        for (other_reward, other_group, _), other in pairs:
            assert group != other_group or reward < other_reward or value >= other


@given(st.lists(st.floats(-1e-9, 1e-9), min_size=2, max_size=16), rewards, methods)
def test_a_tiny_spread_is_not_blown_up(noise, level, method):
    values = group_advantages([level + small for small in noise], [0] * len(noise), method=method, std_floor=0.01)
    assert max(map(abs, values)) < 1e-5


@given(st.integers(2, 16), rewards, methods)
def test_equal_rewards_give_exactly_zero(count, level, method):
    assert group_advantages([level] * count, ["g"] * count, method=method) == [0.0] * count


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch", [[], [(3.0, 0, 0)], [(3.0, 0, 0), (None, 0, 1)], [(3.0, 0, 7), (3.0, 0, 7)], [(None, 0, 0)] * 3])
def test_fewer_than_two_rewarded_rollouts_give_zero(batch, method):
    assert advantages(batch, method) == [0.0] * len(batch)


@pytest.mark.parametrize("method", METHODS)
def test_a_fanned_out_rollout_counts_once(method):
    plain = advantages([(1.0, 0, 0), (0.0, 0, 1), (0.25, 0, 2)], method)
    fanned = advantages([(1.0, 0, 0)] * 5 + [(0.0, 0, 1), (0.25, 0, 2)], method)
    assert fanned == [plain[0]] * 5 + plain[1:]


def test_a_missing_sample_of_a_rewarded_rollout_has_zero():
    assert advantages([(1.0, 0, 0), (None, 0, 0), (0.0, 0, 1)], "dr_grpo") == [0.5, 0.0, -0.5]


def test_samples_of_one_rollout_that_differ_share_their_mean():
    assert advantages([(1.0, 0, 0), (0.5, 0, 0), (0.25, 0, 1)], "dr_grpo") == [0.25, 0.25, -0.25]


def test_the_same_rollout_number_in_two_groups_is_two_rollouts():
    assert advantages([(1.0, "a", 0), (0.0, "a", 1), (9.0, "b", 0), (5.0, "b", 1)], "dr_grpo") == [0.5, -0.5, 2.0, -2.0]


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=16).filter(lambda values: np.std(values) > 0.05))
def test_grpo_is_the_standard_score_above_the_floor(values):
    expected = (np.array(values) - np.mean(values)) / np.std(values, ddof=1)
    assert group_advantages(values, [0] * len(values)) == pytest.approx(expected.tolist(), abs=1e-9)


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=12).filter(lambda values: np.std(values) > 0.05))
def test_rank_is_that_of_brute_force(values):
    def rank(value):
        return sum((other < value) - (other > value) for other in values) / (len(values) - 1)

    assert group_advantages([float(value) for value in values], [0] * len(values), method="rank") == pytest.approx([*map(rank, values)])


@given(st.lists(rewards, min_size=2, max_size=12))
def test_leave_one_out_is_that_of_brute_force(values):
    expected = [value - np.mean(values[:i] + values[i + 1 :]) for i, value in enumerate(values)]
    assert group_advantages(values, [0] * len(values), method="leave_one_out") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf, 1e200])
def test_a_reward_that_is_no_usable_number_is_an_error(reward):
    with pytest.raises(DataError, match="must be None"):
        group_advantages([1.0, reward], [0, 0])


@pytest.mark.parametrize("method", METHODS)
def test_large_rewards_stay_finite(method):
    assert all(map(math.isfinite, group_advantages([1e149, -1e149, 0.0], [0, 0, 0], method=method)))


def test_wrong_arguments_are_errors():
    with pytest.raises(ConfigurationError, match=r"'ppo'.*grpo, dr_grpo, rank, leave_one_out"):
        group_advantages([1.0], [0], method="ppo")
    with pytest.raises(ConfigurationError, match="positive"):
        group_advantages([1.0], [0], std_floor=0.0)
    with pytest.raises(DataError, match="2 rewards, 1 groups"):
        group_advantages([1.0, 2.0], [0])

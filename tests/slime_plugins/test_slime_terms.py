"""What is added to a training reward, and how the record breaks it down."""

import pytest
from code_reward_slime.filters import informative_group
from code_reward_slime.post_process import group_advantages
from code_reward_slime.rewards import model_reward
from code_reward_slime.settings import Overlong
from code_reward_slime.terms import overlong_penalty
from code_reward_slime.trainer import written_tokens
from slime_samples import Sample, judged, make_args, make_sample
from tiny_rm import answer, program

OVERLONG = {"tokens": 1000, "buffer": 200, "penalty": 2.0}
TERMS = {"code_reward_length_penalty": 0.5, "code_reward_overlong": OVERLONG, "code_reward_format_bonus": 0.1}


@pytest.mark.parametrize(("tokens", "penalty"), [(0, 0.0), (800, 0.0), (801, 0.01), (900, 1.0), (1000, 2.0), (5000, 2.0)])
def test_the_overlong_penalty_grows_over_its_buffer(tokens, penalty):
    assert overlong_penalty(tokens, Overlong(**OVERLONG)) == pytest.approx(penalty)


def rated(reward, tokens=0, *, verdict="scored", one_block=True, rollout=None, **given):
    reason = "no_code" if verdict == "rejected" else "timeout" if verdict == "missing" else None
    record = {"one_block": one_block}
    return judged(reward, verdict=verdict, reason=reason, rollout=rollout, response_length=tokens, record=record, **given)


def terms_in(samples, **settings):
    """The records' terms after the advantages have been made."""
    group_advantages(make_args(**settings), samples)
    return [sample.metadata["code_reward"]["terms"] for sample in samples]


async def test_the_reward_itself_is_without_terms(settings):
    sample = make_sample(1, response_length=900)
    plain = await model_reward(make_args(**settings), make_sample(1))
    assert await model_reward(make_args(**settings, **TERMS), sample) == plain
    assert sample.metadata["code_reward"]["one_block"]


async def test_the_bonus_is_for_exactly_one_block(settings):
    two, bare = make_sample(1, response=f"{answer(2)}\n{answer(1)}"), make_sample(1, response=program(1))
    await model_reward(make_args(**settings), [two, bare])
    assert [sample.metadata["code_reward"]["one_block"] for sample in (two, bare)] == [False, False]
    samples = [rated(1.0), rated(1.0, one_block=False), rated(0.0), rated(0.0, verdict="rejected")]
    assert terms_in(samples, code_reward_format_bonus=0.1) == [{"format": 0.1}, {"format": 0.0}, {}, {}]
    samples = [rated(1.0), rated(0.0), rated(0.0, verdict="rejected")]
    assert terms_in(samples, code_reward_format_bonus=0.1, code_reward_terms_for="all") == [{"format": 0.1}] * 2 + [{"format": 0.0}]


@pytest.mark.parametrize(("options", "tokens"), [({}, 100), ({"mask_offpolicy_in_partial_rollout": True}, 4000)])
def test_what_was_written_before_a_rollout_was_resumed_counts_as_written(options, tokens):
    sample = make_sample(1, response_length=4000, loss_mask=[0] * 3900 + [1] * 100)
    assert written_tokens(make_args(**options), sample) == tokens


def test_by_default_only_right_answers_pay_for_their_length():
    samples = [rated(1.0, 200), rated(1.0, 900), rated(0.0, 1600), rated(0.0, 1, verdict="missing"), rated(0.0, 100)]
    terms = terms_in(samples, code_reward_length_penalty=0.1)
    assert terms == [{"length": pytest.approx(-0.02)}, {"length": pytest.approx(-0.09)}, {}, {}, {}]
    everyone = terms_in(samples, code_reward_length_penalty=0.1, code_reward_terms_for="all")
    assert [own.get("length") for own in everyone] == pytest.approx([-0.02, -0.09, -0.16, None, -0.01])


@pytest.mark.parametrize("method", ["grpo", "dr_grpo", "rank", "leave_one_out"])
@pytest.mark.parametrize("settings", [{"code_reward_length_penalty": 9.0}, {"code_reward_overlong": OVERLONG}, TERMS])
@pytest.mark.parametrize("rights", [[0], [3], [1, 2, 3], [0, 3]])
def test_no_penalty_turns_what_the_verdicts_say(method, settings, rights):
    samples = [rated(float(i in rights), 1000 * (i + 1)) for i in range(4)]
    _, advantages = group_advantages(make_args(**settings, code_reward_advantages=method), samples)
    assert min(advantages[i] for i in rights) > max(advantages[i] for i in range(4) if i not in rights)
    assert sum(advantages) == pytest.approx(0)
    assert sorted(rights, key=lambda i: -advantages[i]) == rights or "code_reward_length_penalty" not in settings


@pytest.mark.parametrize("terms_for", ["right", "all"])
@pytest.mark.parametrize("method", ["grpo", "dr_grpo", "rank", "leave_one_out"])
@pytest.mark.parametrize("reward", [0.0, 1.0, 0.37])
def test_a_group_of_equal_verdicts_teaches_nothing_whatever_its_lengths(reward, method, terms_for):
    args = make_args(code_reward_length_penalty=0.2, code_reward_advantages=method, code_reward_terms_for=terms_for)
    samples = [rated(reward, tokens) for tokens in (200, 400, 800, 1600)]
    assert informative_group(args, samples).reason == "spread"
    assert group_advantages(args, samples)[1] == [0.0] * 4


def test_what_slime_logs_is_the_verdict_so_that_its_pass_rates_count_right_answers():
    samples = [rated(1.0, 800), rated(1.0, 100), rated(0.0, 100)]
    assert group_advantages(make_args(code_reward_length_penalty=0.5), samples)[0] == [1.0, 1.0, 0.0]


def test_a_rollout_pays_for_all_that_the_policy_wrote_in_its_turns_and_once():
    turns = [rated(1.0, 600, rollout=1, loss_mask=[1] * 100 + [0] * 500), rated(1.0, 300, rollout=1, loss_mask=[1] * 300)]
    samples = [*turns, rated(0.0, 10, rollout=2)]
    assert terms_in(samples, code_reward_length_penalty=1.0)[:2] == [{"length": pytest.approx(-0.4)}] * 2
    assert terms_in([*turns, rated(0.0, 10, rollout=2)], code_reward_overlong={**OVERLONG, "tokens": 700})[0] == {"overlong": -0.5}


async def test_evaluations_have_no_terms_and_rewards_of_others_neither(settings):
    args = make_args(**settings, **TERMS)
    evaluated = make_sample(1, group_index=None, response_length=900)
    assert await model_reward(args, evaluated) == evaluated.metadata["code_reward"]["shaped"]
    others = [Sample(group_index=0, index=i, reward=float(i), response_length=900) for i in range(2)]
    assert group_advantages(args, others)[1] == group_advantages(make_args(), others)[1]


def test_without_normalisation_the_terms_are_added_to_the_reward():
    args = make_args(advantage_estimator="ppo", code_reward_length_penalty=0.1)
    assert group_advantages(args, [rated(1.0, 1000), rated(0.0, 1000)])[1] == pytest.approx([0.9, 0.0])
    assert group_advantages(args, [rated(1.0, 1000)])[1] == pytest.approx([0.9])

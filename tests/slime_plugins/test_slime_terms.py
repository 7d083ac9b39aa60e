"""What is added to a training reward, and how the record breaks it down."""

import pytest
from code_reward_slime.rewards import model_reward, unit_test_reward
from code_reward_slime.settings import Overlong
from code_reward_slime.terms import overlong_penalty
from slime_samples import Status, make_args, make_sample
from tiny_rm import answer

OVERLONG = {"tokens": 1000, "buffer": 200, "penalty": 2.0}
TERMS = {"code_reward_length_penalty": 0.5, "code_reward_overlong": OVERLONG, "code_reward_format_bonus": 0.1}


@pytest.mark.parametrize(("tokens", "penalty"), [(0, 0.0), (800, 0.0), (801, 0.01), (900, 1.0), (1000, 2.0), (5000, 2.0)])
def test_the_overlong_penalty_grows_over_its_buffer(tokens, penalty):
    assert overlong_penalty(tokens, Overlong(**OVERLONG)) == pytest.approx(penalty)


async def test_the_reward_is_the_shaped_one_plus_its_terms(settings):
    sample = make_sample(1, response_length=900)
    plain = await model_reward(make_args(**settings), make_sample(1))
    reward = await model_reward(make_args(**settings, **TERMS), sample)
    record = sample.metadata["code_reward"]
    assert record["shaped"] == plain
    assert record["terms"] == pytest.approx({"length": -0.45, "overlong": -1.0, "format": 0.1})
    assert reward == pytest.approx(plain - 0.45 - 1.0 + 0.1)


async def test_the_bonus_is_for_exactly_one_block(settings):
    two = make_sample(1, response=f"{answer(2)}\n{answer(1)}")
    await model_reward(make_args(**settings, **TERMS), two)
    assert two.metadata["code_reward"]["verdict"] == "scored"
    assert two.metadata["code_reward"]["terms"]["format"] == 0.0


async def test_a_rejected_answer_pays_for_its_length_but_has_no_bonus():
    sample = make_sample(1, response="no", response_length=2000)
    reward = await model_reward(make_args(**TERMS), sample)
    assert sample.metadata["code_reward"]["terms"] == {"length": -1.0, "overlong": -2.0, "format": 0.0}
    assert reward == -0.5 - 3.0


async def test_evaluations_and_missing_verdicts_have_no_terms(settings):
    args = make_args(**settings, **TERMS)
    evaluated, aborted = make_sample(1, group_index=None, response_length=900), make_sample(1, status=Status.ABORTED, response_length=900)
    assert await model_reward(args, evaluated) == evaluated.metadata["code_reward"]["shaped"]
    assert await model_reward(args, aborted) == 0.0
    assert evaluated.metadata["code_reward"]["terms"] == aborted.metadata["code_reward"]["terms"] == {}
    failing = make_sample(1, group_index=None, metadata={"tests": [{"kind": "asserts", "code": "assert False"}]}, response_length=900)
    assert await unit_test_reward(args, failing) == 0.0

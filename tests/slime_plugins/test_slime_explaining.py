"""A score per line in a sample's record: equal to that of each beginning, on the page, and of no influence on the verdict."""

import pytest
import torch
from code_reward_slime.rewards import hybrid_reward, model_reward
from misbehaving import score_of
from slime_samples import REAL_SLIME, make_args, make_sample
from tiny_rm import program, statement

from code_reward.line_inputs import MOST_LINES
from code_reward.rm_input import RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from code_reward_view.answers import tell_detail
from code_reward_view.run import Run


def line_scores_of(sample):
    return sample.metadata["code_reward"].get("line_scores")


def expected(client_dir, i):
    rm_input, lines = RMInput.load(client_dir), program(i).splitlines()
    return [score_of(rm_input.encode(statement(i), "\n".join(lines[: count + 1])).ids) for count in range(len(lines))]


@pytest.mark.parametrize("reward", [model_reward, hybrid_reward])
async def test_the_record_says_the_score_of_each_beginning(settings, client_dir, reward):
    sample = make_sample(1)
    await reward(make_args(**settings, code_reward_explain_share=1.0), sample)
    assert line_scores_of(sample) == expected(client_dir, 1)


async def test_rewards_are_what_they_are_without(settings):
    plain, explained = [make_sample(i) for i in range(6)], [make_sample(i) for i in range(6)]
    rewards = await model_reward(make_args(**settings), plain)
    assert await model_reward(make_args(**settings, code_reward_explain_share=1.0), explained) == rewards
    assert [line_scores_of(sample) for sample in plain] == [None] * 6
    assert all(line_scores_of(sample)[-1] == sample.metadata["code_reward"]["score"] for sample in explained)


async def test_a_share_of_the_answers_is_explained(settings):
    samples = [make_sample(i) for i in range(40)]
    await model_reward(make_args(**settings, code_reward_explain_share=0.5), samples)
    assert 5 < sum(line_scores_of(sample) is not None for sample in samples) < 35


async def test_what_is_rejected_or_too_long_is_not_explained(settings):
    args = make_args(**settings, code_reward_explain_share=1.0)
    long = "```python\ndef add_1(a, b):\n" + "\n" * MOST_LINES + "    return a + b\n```"
    samples = [make_sample(1, response="no program"), make_sample(1, response=long)]
    await model_reward(args, samples)
    assert [sample.metadata["code_reward"]["verdict"] for sample in samples] == ["rejected", "scored"]
    assert [line_scores_of(sample) for sample in samples] == [None, None]


async def test_a_line_without_a_score_costs_no_verdict(settings, client_dir, server):
    beginning = RMInput.load(client_dir).encode(statement(1), program(1).splitlines()[0]).ids
    server.score = lambda ids: float("nan") if ids == beginning else score_of(ids)
    sample = make_sample(1)
    assert await model_reward(make_args(**settings, code_reward_explain_share=1.0), sample) == shape(Scored(expected(client_dir, 1)[-1]))
    assert line_scores_of(sample) == [None, *expected(client_dir, 1)[1:]]


async def test_the_page_of_a_run_shows_them(settings, client_dir, tmp_path):
    sample = make_sample(1)
    sample.reward = await model_reward(make_args(**settings, code_reward_explain_share=1.0), sample)
    plain = ("group_index", "index", "prompt", "response", "reward", "metadata")
    saved = sample.to_dict() if REAL_SLIME else {name: getattr(sample, name) for name in plain}
    torch.save({"rollout_id": 0, "samples": [saved]}, tmp_path / "rollout_0.pt")
    source = Run(tmp_path).first
    source.refresh()
    assert tell_detail(source, 0)["line_scores"] == expected(client_dir, 1)

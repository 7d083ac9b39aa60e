"""A judge as slime's reward: the right number, or a missing verdict that stops the run where there are too many; never made up."""

import asyncio
import re
from pathlib import Path

import pytest
import yaml
from code_reward_slime.metrics import rollout_metrics
from code_reward_slime.post_process import group_advantages
from code_reward_slime.rewards import judge_reward
from code_reward_slime.rollouts import rollouts_of
from code_reward_slime.trainer import load
from misbehaving_judge import MisbehavingJudge, vote_of
from slime_samples import make_args, make_sample
from tiny_rm import program, statement

from code_reward.errors import CodeRewardError
from data_prep.llm.prompt import prompt
from data_prep.llm.request import Sampling

pytestmark = pytest.mark.usefixtures("short_rests")

FAULTS = ["reset", "hang", "drip", "500", "503", "429", "404", "malformed", "short", "nan", "softmax", "closes", "refused", "other model"]


@pytest.fixture
async def judge():
    async with MisbehavingJudge() as judge:
        yield judge


def args_of(judge, *, window=256, **settings):
    given = {"urls": [judge.api], "model": "judge", "deadline_seconds": 20, **settings}
    return make_args(code_reward_judge=given, code_reward_missing_window=window)


def right(i):
    values = {"statement": statement(i), "program": program(i), "trace": "(the program was not run)"}
    return vote_of(list(prompt("judge").request("judge", Sampling(), **values).prompt.encode())) / 5


async def rewarded(args, samples):
    for sample, reward in zip(samples, await judge_reward(args, samples), strict=True):
        sample.reward = reward
    return samples


async def test_the_reward_is_the_judges_and_the_record_says_how_it_came_about(judge):
    args = args_of(judge, votes=2)
    samples = await rewarded(args, [make_sample(i) for i in range(4)])
    assert [sample.reward for sample in samples] == [right(i) for i in range(4)]
    record = samples[1].metadata["code_reward"]
    assert (record["verdict"], record["score"], record["rm"], record["cached"]) == ("scored", right(1), "judge", False)
    assert record["judge"] == {"votes": [right(1)] * 2, "unparsable": 0, "words": "It was read."}
    raw, advantages = group_advantages(args, samples)
    assert raw == [right(i) for i in range(4)]
    assert sum(advantages) == pytest.approx(0)


async def test_an_answer_without_a_program_is_rejected_without_any_judge():
    sample = make_sample(1, response="I do not know.")
    assert await judge_reward(make_args(), sample) == -0.5
    assert sample.metadata["code_reward"]["reason"] == "no_code"


async def test_without_a_judge_the_run_stops_with_the_setting_that_is_absent():
    args = make_args()
    sample = make_sample(1)
    sample.reward = await judge_reward(args, sample)
    with pytest.raises(CodeRewardError, match="set code_reward_judge with urls and model"):
        group_advantages(args, [sample])


async def misbehave(judge, fault):
    if fault == "refused":
        await judge.stop()
    elif fault == "other model":
        judge.model = "another"
    else:
        judge.fault = fault


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_judge_is_never_a_number_and_stops_the_run(judge, fault):
    # That another model answers is known at once, by the client that knows the first; of all else a longer deadline tells no more.
    args = args_of(judge, deadline_seconds=20.0 if fault == "other model" else 1.0, request_seconds=0.4)
    before = await rewarded(args if fault == "other model" else args_of(judge), [make_sample(i) for i in range(4)])
    group_advantages(args, before)
    await misbehave(judge, fault)
    during = await rewarded(args, [make_sample(i) for i in range(4, 10)] + [make_sample(10, response="no")])
    assert [sample.reward for sample in before] == [right(i) for i in range(4)]
    records = [sample.metadata["code_reward"] for sample in during]
    assert [record["verdict"] for record in records] == ["missing"] * 6 + ["rejected"]
    assert all(record["reason"] and record["score"] is None for record in records[:6])
    assert all(sample.remove_sample for sample in during[:6])
    with pytest.raises(CodeRewardError) as stopped:
        group_advantages(args, during)
    assert stopped.value.kind == ("wrong_model" if fault == "other model" else "too_many_missing")


@pytest.mark.parametrize("fault", ["reset", "closes", "refused", "503", "429", "404"])
async def test_an_outage_shorter_than_the_deadline_loses_nothing(judge, fault):
    args = args_of(judge, request_seconds=0.3)
    await misbehave(judge, fault)
    asking = asyncio.create_task(rewarded(args, [make_sample(i) for i in range(6)]))
    await asyncio.sleep(0.4)
    judge.fault = None
    if fault == "refused":
        await judge.start()
    assert [sample.reward for sample in await asking] == [right(i) for i in range(6)]


async def test_a_share_of_unparsable_replies_is_counted_and_the_run_goes_on(judge):
    args = args_of(judge)
    judge.junk = 3
    samples = await rewarded(args, [make_sample(i) for i in range(6)])
    assert all(sample.reward == right(i) for i, sample in enumerate(samples))
    assert rollout_metrics(args, rollouts_of(samples))["judge/unparsable"] == 0.5
    judge.fault = "softmax"
    [lost] = await rewarded(args, [make_sample(7)])
    metrics = rollout_metrics(args, rollouts_of([*samples, lost]))
    assert metrics["missing/unparsable"] == pytest.approx(1 / 7)
    assert metrics["judge/unparsable"] == 1.0
    group_advantages(args, [*samples, lost])


async def test_a_spent_budget_stops_the_run_with_what_to_do_and_is_remembered(judge, tmp_path):
    args = args_of(judge, budget_calls=3)
    args.save = str(tmp_path)
    group_advantages(args, await rewarded(args, [make_sample(i) for i in range(3)]))
    samples = await rewarded(args, [make_sample(i) for i in range(3, 5)])
    with pytest.raises(CodeRewardError, match="set a larger budget_calls") as stopped:
        group_advantages(args, samples)
    assert stopped.value.kind == "budget_spent"
    assert len(judge.bodies) == 3
    assert len((tmp_path / "code_reward" / "judge_spent.jsonl").read_text().splitlines()) == 3


async def test_a_wrong_key_stops_the_run(judge):
    args = args_of(judge, api_key_variable="NO_SUCH_KEY")
    with pytest.raises(CodeRewardError, match="NO_SUCH_KEY"):
        group_advantages(args, await rewarded(args, [make_sample(1)]))


async def test_the_guide_leads_to_the_first_reward(judge):
    """Its settings and its options, as they stand there but for the address."""
    guide = (Path(__file__).parents[2] / "docs" / "slime_judge.md").read_text().replace("http://127.0.0.1:8000/v1", judge.api)
    [config] = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    options = dict(re.findall(r"--(\S+) (code_reward_slime\S+)", guide))
    args = make_args(**yaml.safe_load(config), **{name.replace("-", "_"): value for name, value in options.items()})
    samples = [make_sample(i) for i in range(2)]
    for sample in samples:
        sample.reward = await load(args.custom_rm_path)(args, sample)
    assert [sample.reward for sample in samples] == [pytest.approx(right(i)) for i in range(2)]
    raw, _ = load(args.custom_reward_post_process_path)(args, samples)
    assert raw == [sample.reward for sample in samples]

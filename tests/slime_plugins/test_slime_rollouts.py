"""The unit of reward is the rollout: one verdict for its samples, absent where slime says so, whoever was to judge it."""

import ast
from pathlib import Path

import pytest
from code_reward_slime import trainer
from code_reward_slime.filters import informative_group
from code_reward_slime.health import HEALTH
from code_reward_slime.metrics import rollout_metrics
from code_reward_slime.post_process import group_advantages
from code_reward_slime.rewards import hybrid_reward, model_reward, unit_test_reward
from code_reward_slime.rollout_log import log_eval, log_rewards
from code_reward_slime.rollouts import rollouts_of, settle
from code_reward_slime.samples import KeyedReward, is_missing
from slime_samples import Sample, Status, judged, make_args, make_sample
from tiny_rm import answer, statement

from code_reward.errors import DataError, RewardServerError
from reward_servers.client import RewardClient

PACKAGE = Path(trainer.__file__).parent
TESTS = [{"kind": "asserts", "code": "assert add_1(1, 2) == 4"}]
RIGHT, WRONG = answer(1), "```python\ndef add_1(a, b):\n    return a - b\n```"
BROKEN = "```python\ndef add_1(a, b:\n```"


def turns(*responses, rollout=7, tests=TESTS, **given):
    """The samples of one rollout, of which only the first knows what was asked, as a generate function may leave them."""
    bare = {"rollout_id": rollout, "metadata": {}, "prompt": "<|im_start|>user\n1 failed", **given}
    samples = [make_sample(1, response=text, **bare) for text in responses]
    samples[0].metadata = {"statement": statement(1), "entry_point": "add_1", "tests": tests}
    return samples


def record(sample):
    return sample.metadata["code_reward"]


def test_a_turn_that_was_made_anew_without_its_group_stays_in_its_rollout():
    samples = [judged(1.0, group=3, rollout=7), judged(1.0, group=3, rollout=7), judged(0.0, group=3, rollout=8)]
    samples[1].group_index = None
    assert [len(rollout.samples) for rollout in rollouts_of(samples)] == [2, 1]
    _, advantages = group_advantages(make_args(n_samples_per_prompt=2), samples)
    assert advantages[0] == advantages[1] == -advantages[2] > 0


@pytest.mark.parametrize(
    ("responses", "reward", "answering"),
    [
        (["Let me look.", "Running it.", RIGHT], 1.0, 2),
        (["Let me look.", RIGHT, "Done."], 1.0, 1),
        ([RIGHT, "```python\nprint(add_1(1, 2))\n```", "Done."], 1.0, 0),
        ([WRONG, "It fails.", RIGHT], 1.0, 2),
        ([RIGHT, "Better:", WRONG], 0.0, 2),
        ([RIGHT, "Better:", BROKEN], 0.0, 2),
        (["Hm.", "Hm.", "I give up."], 0.0, 2),
    ],
)
async def test_the_last_attempt_of_a_rollout_is_judged_and_all_its_samples_have_that_verdict(responses, reward, answering):
    samples = turns(*responses)
    rewards = await unit_test_reward(make_args(), samples)
    assert rewards == [reward] * 3
    assert len({(record(sample)["verdict"], record(sample)["reason"], record(sample)["shaped"]) for sample in samples}) == 1
    assert [record(sample)["answer"] for sample in samples] == [number == answering for number in range(3)]
    for sample, value in zip(samples, rewards, strict=True):
        sample.reward = value
    assert rollouts_of(samples)[0].answer is samples[answering]


async def test_a_rollout_is_asked_about_once_and_rollouts_of_one_list_apart(settings, monkeypatch):
    asked, ask = [], RewardClient.verdict

    async def count(self, statement, response, entry_point=None):
        asked.append(response)
        return await ask(self, statement, response, entry_point)

    monkeypatch.setattr(RewardClient, "verdict", count)
    samples = [*turns("Hm.", RIGHT, rollout=1), *turns("Hm.", answer(1).replace("total", "sum_"), rollout=2), make_sample(3)]
    rewards = await model_reward(make_args(**settings), [samples[i] for i in (0, 2, 4, 1, 3)])
    assert (rewards[0], rewards[1]) == (rewards[3], rewards[4])
    assert len({record(sample)["score"] for sample in samples}) == 3
    assert len(asked) == 3
    assert record(samples[1])["statement"] == "metadata", "what was asked is known from the first turn"


@pytest.mark.parametrize("reward", [unit_test_reward, hybrid_reward])
async def test_a_verdict_that_is_missing_is_missing_for_all_samples_of_the_rollout(reward):
    samples = turns("Hm.", RIGHT, "Done.", tests=[{"kind": "prayer"}])
    await reward(make_args(), samples)
    assert [(record(sample)["reason"], sample.remove_sample) for sample in samples] == [("bad_metadata", True)] * 3


@pytest.mark.parametrize(
    ("statuses", "verdict", "reason"),
    [
        ([Status.COMPLETED, Status.ABORTED], "missing", "aborted"),
        ([Status.ABORTED, Status.COMPLETED], "missing", "aborted"),
        ([Status.FAILED, Status.COMPLETED], "missing", "generation_failed"),
        ([Status.COMPLETED, Status.TRUNCATED], "rejected", "truncated"),
        ([Status.TRUNCATED, Status.COMPLETED], "scored", None),
    ],
)
async def test_how_a_rollout_ended_decides_first(statuses, verdict, reason):
    samples = turns("Hm.", RIGHT)
    for sample, status in zip(samples, statuses, strict=True):
        sample.status = status
    await unit_test_reward(make_args(), samples)
    assert {(record(sample)["verdict"], record(sample)["reason"]) for sample in samples} == {(verdict, reason)}


async def rewarded(args, samples, reward=unit_test_reward):
    for sample, value in zip(samples, await reward(args, samples), strict=True):
        sample.reward = value
    return samples


async def test_filter_advantages_and_metrics_agree_about_rollouts_of_several_samples():
    args = make_args()
    one, three = await rewarded(args, turns(WRONG, rollout=1)), await rewarded(args, turns("Hm.", "So:", RIGHT, rollout=2))
    assert informative_group(args, [one, three]).keep
    _, advantages = group_advantages(args, [*one, *three])
    assert advantages == pytest.approx([-(0.5**0.5)] + [0.5**0.5] * 3)
    metrics = rollout_metrics(args, rollouts_of([*one, *three]))
    assert (metrics["scored"], metrics["reward/mean"], metrics["group_spread"]) == (1.0, 0.5, pytest.approx(0.5**0.5))
    both_right = [await rewarded(args, turns(RIGHT, rollout=1)), three]
    assert informative_group(args, both_right).reason == "spread"
    assert group_advantages(args, [sample for rollout in both_right for sample in rollout])[1] == [0.0] * 4


def test_rewards_that_a_generate_function_gave_itself_stay_as_they_are():
    samples = [Sample(group_index=0, index=i, rollout_id=r, reward=reward) for i, (r, reward) in enumerate([(1, 1.0), (2, 0.0), (2, 1.0)])]
    assert group_advantages(make_args(), samples)[0] == [1.0, 0.5, 0.5]


@pytest.mark.parametrize(("worth", "missing"), [(1.0, False), (None, True)])
def test_of_a_reward_with_several_keys_only_the_one_that_counts_may_not_be_absent(worth, missing):
    """slime's own rewards for mathematics are such dicts, with what they found in the answer, which may be nothing."""
    args = make_args(reward_key="acc")
    odd = {"acc": worth, "pred": None, "note": 2}
    rewards = [odd, {"acc": 0.0, "pred": "x"}, {"acc": 0.0, "pred": "y"}, {"acc": 1.0, "pred": None}]
    samples = [Sample(group_index=0, index=i, rollout_id=i, reward=reward) for i, reward in enumerate(rewards)]
    raw, advantages = group_advantages(args, samples)
    assert [is_missing(sample) for sample in samples] == [missing, False, False, False]
    assert samples[0].reward == {**odd, "acc": 0.0 if missing else 1.0}
    assert (advantages[0] == 0.0) is missing
    assert all(isinstance(reward, float) for reward in raw)


# What is absent by slime's own word.


def aborted(i=9, **given):
    return make_sample(1, index=i, response="```python\ndef", status=Status.ABORTED, **given)


def shown(value, i=0, **given):
    return judged(value, index=i, response_length=10, **given)


@pytest.mark.parametrize(
    "absent",
    [
        lambda: [aborted()],
        lambda: [aborted(reward=0.0, remove_sample=True)],
        lambda: [aborted(reward=1.0)],
        lambda: [make_sample(1)],
        lambda: [make_sample(1, rollout_id=5), aborted(rollout_id=5)],
        lambda: [judged(1.0, rollout=5), judged(1.0, rollout=5), aborted(rollout_id=5)],
    ],
)
@pytest.mark.parametrize("key", [None, "code"])
def test_what_slime_aborted_or_nobody_rewarded_is_missing_everywhere(absent, key, monkeypatch):
    monkeypatch.setattr(trainer, "log", lambda *_: None)
    args = make_args(reward_key=key, log_reward_category="kind" if key else None)
    keyed = lambda value: {"code": value, "kind": "x"} if key else value  # noqa: E731
    there = [shown(1.0), shown(0.0, 1)]
    gone = absent()
    for sample in [*there, *gone]:
        sample.reward = None if sample.reward is None else keyed(sample.reward)
    assert log_rewards(0, args, [*there, *gone], {}, 1.0) is False
    output = informative_group(args, [*([sample] for sample in there), gone])
    assert output.keep
    raw, advantages = group_advantages(args, [*there, *gone])
    assert advantages == pytest.approx([0.5**0.5, -(0.5**0.5)] + [0.0] * len(gone))
    assert raw[2:] == [0.5] * len(gone)
    assert all(sample.remove_sample and is_missing(sample) for sample in gone)
    assert all((sample.reward["code"] if key else sample.reward) is not None for sample in gone), "slime's own logs count with it"
    assert not any(sample.remove_sample for sample in there)


def test_a_sample_that_is_only_removed_has_a_verdict():
    samples = [shown(1.0, remove_sample=True), shown(0.0, 1)]
    assert group_advantages(make_args(), samples)[1] == pytest.approx([0.5**0.5, -(0.5**0.5)])


def test_groups_of_aborted_samples_stop_a_run_whose_filter_would_drop_them_for_ever():
    args = make_args(code_reward_missing_window=8)
    for _ in range(3):
        assert informative_group(args, [aborted(1), aborted(2)]).reason == "missing"
    with pytest.raises(RewardServerError, match="the last 8 verdicts are missing \\(aborted 8\\)"):
        informative_group(args, [aborted(1), aborted(2)])
    HEALTH.reset()


def test_an_evaluation_leaves_aborted_answers_out_and_counts_a_rollout_once(monkeypatch):
    logged = {}
    monkeypatch.setattr(trainer, "log", lambda args, rollout_id, metrics, step: logged.update(metrics))
    samples = [shown(1.0, 0), aborted(1), shown(0.0, 2, rollout=2), shown(0.0, 2, rollout=2), shown(1.0, 3)]
    for sample in samples:
        sample.group_index = None
    data = {"held": {"rewards": [sample.reward for sample in samples], "truncated": [False] * 5, "samples": samples}}
    assert log_eval(0, make_args(), data, None) is False
    assert data["held"]["rewards"] == [1.0, 0.0, 1.0]
    assert len(data["held"]["samples"]) == len(data["held"]["truncated"]) == 3
    assert logged["eval/held/code_reward/missing/aborted"] == 0.25
    data = {"held": {"rewards": [sample.reward for sample in samples], "truncated": [False] * 5, "samples": samples}}
    log_eval(0, make_args(log_passrate=True, n_samples_per_eval_prompt=2), data, None)
    assert data["held"]["rewards"] == [0.0, 1.0], "slime computes pass@k from whole prompts"


# Groups.


def test_samples_without_a_group_are_grouped_by_slimes_numbers():
    samples = [Sample(index=i, rollout_id=i, reward=reward) for i, reward in enumerate([1.0, 1.0, 0.0, 0.0])]
    assert group_advantages(make_args(), samples)[1] == [0.0] * 4
    samples = [Sample(index=i, rollout_id=i, reward=reward) for i, reward in enumerate([1.0, 0.0, 0.0, 0.0])]
    assert group_advantages(make_args(), samples)[1] == pytest.approx([0.5**0.5, -(0.5**0.5), 0.0, 0.0])


def test_samples_of_which_nobody_knows_the_prompt_are_an_error():
    with pytest.raises(DataError, match="have the generate function copy both"):
        group_advantages(make_args(), [Sample(reward=1.0), Sample(reward=0.0), Sample(reward=0.0)])


# Held-out sets and keys.


async def test_a_held_out_sets_own_reward_counts_for_fanned_out_rollouts_too(settings):
    own = "code_reward_slime.rewards.unit_test_reward"
    samples = turns("Hm.", RIGHT, group_index=None)
    for sample in samples:
        sample.custom_rm_path = own
    args = make_args(**settings, custom_rm_path="code_reward_slime.rewards.model_reward")
    assert await model_reward(args, samples) == [1.0, 1.0]
    assert record(samples[0])["outcome"] == "passed"


async def test_a_key_for_evaluations_alone_is_read_both_ways(settings):
    reward = await model_reward(make_args(**settings, eval_reward_key="held_out"), make_sample(1, group_index=None))
    assert isinstance(reward, KeyedReward)
    assert reward["held_out"] == reward
    sample = make_sample(1, reward=reward)
    assert settle(make_args(eval_reward_key="held_out"), [sample])[0].reward(make_args(eval_reward_key="held_out")) == reward


def test_a_dict_without_a_key_is_an_error_that_says_what_to_set():
    with pytest.raises(DataError, match="--reward-key"):
        group_advantages(make_args(), [judged({"code": 1.0}), judged({"code": 0.0})])


# One module knows slime.


def test_slimes_names_are_in_one_module():
    """The hooks need another `trainer.py` for a fork of slime, and nothing else. (`reward_model` is trained by slime's own code.)"""
    others = [path for path in PACKAGE.rglob("*.py") if path.name != "trainer.py" and path.parent.name != "reward_model"]
    found = {
        str(path.relative_to(PACKAGE)): name
        for path in others
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name.split(".")[0] in ("slime", "slime_plugins")
    }
    assert found == {}


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    is_path = isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(("slime.", "slime_plugins."))
    return [node.value] if is_path else []

"""What the log hooks say, and what they keep out of slime's own averages."""

import asyncio
import logging

import pytest
from code_reward_slime import trainer
from code_reward_slime.drift import DRIFT, MIN_ANSWERS
from code_reward_slime.metrics import METRICS
from code_reward_slime.rewards import hybrid_reward, model_reward, unit_test_reward
from code_reward_slime.rollout_log import log_eval, log_rewards
from code_reward_slime.settings import Settings
from slime_samples import Sample, Status, judged, make_args, make_sample
from tiny_rm import program


@pytest.fixture
def logged(monkeypatch):
    """What is given to slime's logging, by step key."""
    calls = []
    module = trainer.observability("logging_utils")
    monkeypatch.setattr(module, "log", lambda args, metrics, step_key: calls.append((step_key, metrics)))
    return calls


def log(logged, samples, rollout=3, **given):
    assert log_rewards(rollout, make_args(**given), samples, None, 1.0) is False
    ((step_key, metrics),) = logged[-1:]
    assert step_key == "rollout/step"
    assert metrics.pop("rollout/step") == rollout
    assert all(name.startswith("rollout/code_reward/") for name in metrics)
    return {name.removeprefix("rollout/code_reward/"): value for name, value in metrics.items()}


def asked(score, *, length=10, group=0, cached=False, cut=False, seconds=0.1, **given):
    record = {"rm": "abc", "cached": cached, "cut": cut, "seconds": seconds, "statement": "metadata", **given.pop("record", {})}
    return judged(score, group, response_length=length, record=record, **given)


def test_shares_and_reasons_add_up(logged):
    samples = [asked(1.0), asked(2.0)]
    samples += [judged(-0.5, verdict="rejected", reason=reason) for reason in ("no_code", "no_code", "truncated")]
    samples += [judged(0.0, verdict="missing", reason=reason) for reason in ("timeout", "aborted", "timeout")]
    metrics = log(logged, samples)
    assert (metrics["scored"], metrics["rejected"], metrics["missing"]) == (0.25, 0.375, 0.375)
    assert (metrics["rejected/no_code"], metrics["rejected/truncated"]) == (0.25, 0.125)
    assert (metrics["missing/timeout"], metrics["missing/aborted"]) == (0.25, 0.125)


def test_scores_rewards_latency_and_cache(logged):
    samples = [asked(float(i), length=100 - i, cached=i < 25, cut=i < 10, seconds=i / 100, group=i % 2) for i in range(101)]
    metrics = log(logged, samples)
    assert (metrics["score/mean"], metrics["score/p05"], metrics["score/p50"], metrics["score/p95"]) == (50.0, 5.0, 50.0, 95.0)
    assert metrics["score_length_correlation"] == pytest.approx(-1.0)
    assert (metrics["latency/p50"], metrics["latency/p99"]) == pytest.approx((0.5, 0.99))
    assert (metrics["cache_hit_rate"], metrics["cut"]) == pytest.approx((25 / 101, 10 / 101))
    assert metrics["group_spread"] == pytest.approx(29.4, abs=0.5)


def test_terms_and_prompts(logged):
    samples = [asked(1.0, length=100, record={"statement": "prompt"}), asked(2.0, length=200), asked(3.0, length=400)]
    metrics = log(logged, samples, code_reward_length_penalty=1.0)
    assert metrics["terms/length"] == pytest.approx(-0.2)
    assert metrics["reward/mean"] == pytest.approx(1.8)
    assert metrics["statement_from_prompt"] == pytest.approx(1 / 3)


async def test_every_figure_of_real_rewards_is_documented(logged, settings):
    samples = [make_sample(i, group_index=i % 2, response_length=i) for i in range(6)]
    samples += [make_sample(1, response="no"), make_sample(1, status=Status.ABORTED)]
    args = make_args(**settings, code_reward_length_penalty=0.1)
    for sample, value in zip(samples, await model_reward(args, samples), strict=True):
        sample.reward = value
    metrics = log(logged, samples)
    documented = {part for name in METRICS for part in ([name] if ", " not in name else [name.split(", ")[0]])}
    documented |= {f"{name.split('/')[0]}/{quantile}" for name in METRICS for quantile in name.split("/")[-1].split(", ")}
    general = {name.split("/")[0] + "/" + name.split("/")[1] if "/" in name else name for name in metrics}
    general = {"missing/REASON" if n.startswith("missing/") else "rejected/REASON" if n.startswith("rejected/") else n for n in general}
    general = {"terms/NAME" if name.startswith("terms/") else name for name in general}
    assert general <= documented
    assert {"score/p50", "latency/p99", "group_spread", "missing/REASON", "cache_hit_rate"} <= general


def test_rollouts_of_other_rewards_are_left_alone(logged):
    assert log_rewards(0, make_args(), [Sample(reward=1.0)], {}, 1.0) is False
    assert logged == []


def test_a_rollout_without_any_score_is_logged(logged):
    assert log(logged, [judged(0.0, verdict="missing", reason="timeout")])["missing"] == 1.0


def test_the_best_and_the_worst_programs_are_on_a_page(logged, tmp_path):
    samples = [asked(float(i), response=f"So:\n```python\n{program(i)}\n```") for i in range(20)]
    samples += [asked(19.0, response=f"Again:\n```python\n{program(19)}\n```"), judged(-0.5, verdict="rejected", reason="no_code")]
    log(logged, samples, rollout=12, save=str(tmp_path))
    page = (tmp_path / "code_reward" / "rollout_000012.md").read_text()
    best, worst = page.split("## Worst 1")
    assert [i for i in range(20) if program(i) in best] == [15, 16, 17, 18, 19]
    assert [i for i in range(20) if program(i) in worst] == [0, 1, 2, 3, 4]
    assert worst.index(program(0)) < worst.index(program(4))
    assert "## Best 1: score 19, reward 19, 10 tokens" in best


def test_few_programs_are_not_told_twice_and_the_folder_can_be_chosen(logged, tmp_path):
    log(logged, [asked(1.0, response="```python\nx = 1\n```")], save=None, code_reward_programs_dir=str(tmp_path / "pages"))
    assert (tmp_path / "pages" / "rollout_000003.md").read_text().count("x = 1") == 1


def test_without_a_folder_there_is_no_page(logged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log(logged, [asked(1.0)])
    assert list(tmp_path.iterdir()) == []


# Evaluations.


def evaluation(*samples):
    return {"samples": list(samples), "rewards": [sample.reward for sample in samples], "truncated": [False] * len(samples)}


GONE = {"verdict": "missing", "reason": "timeout"}


def test_missing_verdicts_are_in_no_mean_and_reported(logged):
    data = {"code": evaluation(judged(1.0), judged(0.0, **GONE), judged(0.0, verdict="rejected", reason="no_code"), judged(1.0))}
    assert log_eval(7, make_args(), data, None) is False
    assert data["code"]["rewards"] == [1.0, 0.0, 1.0]
    assert len(data["code"]["samples"]) == len(data["code"]["truncated"]) == 3
    ((step_key, metrics),) = logged
    assert (step_key, metrics["eval/step"]) == ("eval/step", 7)
    assert metrics["eval/code/code_reward/missing"] == metrics["eval/code/code_reward/missing/timeout"] == 0.25
    assert metrics["eval/code/code_reward/rejected/no_code"] == 0.25


def test_pass_rates_are_of_whole_prompts(logged):
    data = {"code": evaluation(judged(1.0), judged(0.0), judged(0.0, **GONE), judged(1.0), judged(0.0), judged(0.0))}
    log_eval(7, make_args(log_passrate=True, n_samples_per_eval_prompt=2), data, None)
    assert data["code"]["rewards"] == [1.0, 0.0, 0.0, 0.0]


def test_an_evaluation_without_any_verdict_is_no_number(logged, caplog):
    data = {"dead": evaluation(judged(0.0, **GONE)), "math": {"rewards": [1.0, 0.0], "truncated": [False, False]}}
    log_eval(7, make_args(), data, {"x": 1})
    assert list(data) == ["math"]
    assert "no verdict at all" in caplog.text
    assert logged[0][1]["eval/dead/code_reward/missing"] == 1.0


def test_evaluations_of_other_rewards_are_left_alone(logged):
    data = {"math": evaluation(Sample(reward=1.0), Sample(reward=0.0))}
    log_eval(7, make_args(), data, None)
    assert data["math"]["rewards"] == [1.0, 0.0]
    assert logged == []


# The drift alarm.


def with_tests(i, right, **given):
    sample = make_sample(i, **given)
    sample.metadata["tests"] = [{"kind": "asserts", "code": f"assert add_{i}(1, 2) == {3 + i + (not right)}"}]
    return sample


async def executed():
    while DRIFT._tasks:
        await asyncio.gather(*DRIFT._tasks)


async def test_drawn_answers_are_executed_beside_the_reward(settings, monkeypatch):
    monkeypatch.setattr("code_reward_slime.drift.MIN_ANSWERS", 10)
    args = make_args(**settings, code_reward_drift_share=1.0)
    samples = [with_tests(i, right=i % 2 == 0) for i in range(10)]
    await model_reward(args, samples)
    await executed()
    report = DRIFT.report(Settings(drift_share=1.0))
    assert report["executed"] == 10
    assert report["passed"] == 0.5
    assert 0 <= report["auc"] <= 1
    assert DRIFT.report(Settings(drift_share=1.0))["executed"] == 0
    expected = sorted((sample.metadata["code_reward"]["score"], i % 2 == 0) for i, sample in enumerate(samples))
    assert sorted(DRIFT._pairs) == expected


async def test_an_answer_whose_problem_another_turn_tells_is_executed_too(settings):
    asked = with_tests(1, right=True, response="Let me see.", rollout_id=7)
    said = make_sample(1, rollout_id=7, metadata={})
    await model_reward(make_args(**settings, code_reward_drift_share=1.0), [asked, said])
    await executed()
    assert DRIFT.report(Settings(drift_share=1.0))["executed"] == 1


@pytest.mark.parametrize(
    ("reward", "given", "share"),
    [
        (model_reward, {}, 0.0),
        (model_reward, {"group_index": None}, 1.0),
        (model_reward, {"response": "no"}, 1.0),
        (unit_test_reward, {}, 1.0),
        (hybrid_reward, {}, 1.0),
    ],
)
async def test_answers_that_are_not_drawn_are_not_executed(settings, reward, given, share):
    await reward(make_args(**settings, code_reward_drift_share=share), [with_tests(i, True, **given) for i in range(3)])
    assert DRIFT._tasks == set()


async def test_a_share_is_drawn(settings):
    await model_reward(make_args(**settings, code_reward_drift_share=0.25), [with_tests(i, True) for i in range(60)])
    assert 3 <= len(DRIFT._tasks) <= 30
    for task in DRIFT._tasks:
        task.cancel()


def test_a_reward_that_prefers_wrong_answers_raises_the_alarm(logged, caplog):
    DRIFT._pairs.extend((float(i), i < MIN_ANSWERS // 2) for i in range(MIN_ANSWERS))
    with caplog.at_level(logging.WARNING):
        metrics = log(logged, [asked(1.0)], code_reward_drift_share=0.1)
    assert metrics["drift/auc"] == 0.0
    assert metrics["drift/correlation"] < -0.8
    assert "exploiting the reward model" in caplog.text


def test_a_good_reward_model_raises_none_and_few_answers_say_nothing(logged, caplog):
    DRIFT._pairs.extend((float(i), i > 5) for i in range(MIN_ANSWERS - 1))
    assert "drift/auc" not in log(logged, [asked(1.0)], code_reward_drift_share=0.1)
    DRIFT._pairs.append((99.0, True))
    assert log(logged, [asked(1.0)], code_reward_drift_share=0.1)["drift/auc"] == 1.0
    assert caplog.text == ""

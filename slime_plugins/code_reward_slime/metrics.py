"""The figures of a rollout or an evaluation, computed from the records of its rollouts. `METRICS` documents every name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from code_reward_slime.filters import spread_of
from code_reward_slime.rollouts import Rollout, groups_of

METRICS: Final[dict[str, str]] = {
    "scored": "share of rollouts with a score",
    "rejected": "share of rollouts whose answer is rejected",
    "rejected/REASON": "the same by reason (`code_reward.extraction.REASONS`, `input_too_long`, `truncated`)",
    "missing": "share of rollouts without a verdict",
    "missing/REASON": "the same by reason (`reward_servers.client.Reason`, `aborted`, `generation_failed`, `no_reward`, `no_statement`, "
    "`no_tests`, `bad_metadata`, "
    "`sandbox_error`, `sandbox_timeout`, `configuration`, `reward_failed`; of a judge `unparsable`, `data_prep.llm.errors`)",
    "score/mean": "mean raw score of the scored rollouts",
    "score/p05, p25, p50, p75, p95": "quantiles of the raw scores",
    "reward/mean": "mean reward of the rollouts that have one, terms included",
    "terms/NAME": "mean of a term (`length`, `overlong`, `format`)",
    "group_spread": "mean standard deviation of the shaped rewards within a group",
    "score_length_correlation": "correlation of raw score and tokens of the answer; a reward model that likes length shows here first",
    "latency/p50, p99": "seconds from the question to the verdict",
    "cache_hit_rate": "share of scores for which no forward pass was spent",
    "cut": "share of scores for which the statement was cut to fit the reward model",
    "statement_from_prompt": "share of rollouts whose statement was parsed out of the prompt",
    "judge/unparsable": "replies of the judge that could not be read and were asked for again, per verdict of its",
    "judge/disagreement": "mean standard deviation of the judge's votes on one answer",
    "drift/executed": "answers executed off the reward path since the last rollout",
    "drift/auc": "how often the reward model prefers the right one of two executed answers, one right and one wrong",
    "drift/correlation": "correlation of score and truth over the last executed answers",
    "drift/passed": "share of the last executed answers that are right",
}
"""Names below `rollout/code_reward/`."""

_QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def shares(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The share of each verdict, and of each reason, among the records."""
    counts = Counter({"scored": 0, "rejected": 0, "missing": 0})
    for record in records:
        counts[record["verdict"]] += 1
        if record["reason"]:
            counts[f"{record['verdict']}/{record['reason']}"] += 1
    return {name: count / len(records) for name, count in counts.items()}


def rollout_metrics(args: Any, rollouts: Sequence[Rollout]) -> dict[str, float]:
    """The figures of one step's rollouts, whose terms are in their records; empty if none of them was judged by us."""
    judged = [rollout for rollout in rollouts if rollout.record]
    if not any("seconds" in rollout.record for rollout in judged):
        return {}
    records = [rollout.record for rollout in judged]
    metrics = shares(records)
    metrics["statement_from_prompt"] = _mean([record.get("statement") == "prompt" for record in records])
    metrics |= _rewards([record for record in records if record["shaped"] is not None])
    metrics |= _scores([rollout for rollout in judged if rollout.record["verdict"] == "scored"])
    metrics |= _judges([record["judge"] for record in records if "judge" in record])
    seconds = [record["seconds"] for record in records if record["verdict"] == "scored"]
    if seconds:
        metrics |= {"latency/p50": float(np.quantile(seconds, 0.5)), "latency/p99": float(np.quantile(seconds, 0.99))}
    spreads = _spreads(args, judged)
    return {**metrics, **({"group_spread": _mean(spreads)} if spreads else {})}


def _rewards(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    if not records:
        return {}
    terms = sorted({name for record in records for name in record["terms"]})
    means = {f"terms/{name}": _mean([record["terms"].get(name, 0.0) for record in records]) for name in terms}
    return {"reward/mean": _mean([record["shaped"] for record in records]) + sum(means.values()), **means}


def _scores(rollouts: Sequence[Rollout]) -> dict[str, float]:
    if not rollouts:
        return {}
    records = [rollout.record for rollout in rollouts]
    scores = np.array([record["score"] for record in records])
    lengths = np.array([rollout.answer.response_length for rollout in rollouts], dtype=float)
    metrics = {f"score/{name}": float(np.quantile(scores, at)) for name, at in _QUANTILES.items()}
    metrics |= {"score/mean": float(scores.mean())}
    asked = [record for record in records if "rm" in record]
    if asked:
        metrics |= {"cache_hit_rate": _mean([record["cached"] for record in asked]), "cut": _mean([record["cut"] for record in asked])}
    if scores.std() > 0 and lengths.std() > 0:
        metrics["score_length_correlation"] = float(np.corrcoef(scores, lengths)[0, 1])
    return metrics


def _judges(said: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    if not said:
        return {}
    spreads = [float(np.std(one["votes"])) for one in said if len(one["votes"]) > 1]
    metrics = {"judge/unparsable": _mean([one["unparsable"] for one in said])}
    return {**metrics, **({"judge/disagreement": _mean(spreads)} if spreads else {})}


def _spreads(args: Any, rollouts: Sequence[Rollout]) -> list[float]:
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for rollout, group in zip(rollouts, groups_of(args, rollouts), strict=True):
        if rollout.record["shaped"] is not None:
            groups[group].append(rollout.record["shaped"])
    return [spread_of(rewards) for rewards in groups.values() if len(rewards) > 1]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))

"""The figures of a rollout or an evaluation, computed from the samples' records. `METRICS` documents every name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from code_reward_slime.filters import spread_of
from code_reward_slime.samples import record_of, rollout_keys

METRICS: Final[dict[str, str]] = {
    "scored": "share of samples with a score",
    "rejected": "share of samples whose answer is rejected",
    "rejected/REASON": "the same by reason (`code_reward.extraction.REASONS`, `input_too_long`, `truncated`)",
    "missing": "share of samples without a verdict",
    "missing/REASON": "the same by reason (`reward_servers.client.Reason`, `aborted`, `generation_failed`, `no_statement`, `no_tests`, "
    "`bad_metadata`, `sandbox_error`, `sandbox_timeout`, `configuration`, `reward_failed`)",
    "score/mean": "mean raw score of the scored samples",
    "score/p05, p25, p50, p75, p95": "quantiles of the raw scores",
    "reward/mean": "mean reward of the samples that have one, terms included",
    "terms/NAME": "mean of a term (`length`, `overlong`, `format`)",
    "group_spread": "mean standard deviation of the shaped rewards within a group",
    "score_length_correlation": "correlation of raw score and response tokens; a reward model that likes length shows here first",
    "latency/p50, p99": "seconds from the question to the verdict",
    "cache_hit_rate": "share of scores for which no forward pass was spent",
    "cut": "share of scores for which the statement was cut to fit the reward model",
    "statement_from_prompt": "share of samples whose statement was parsed out of the prompt",
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


def rollout_metrics(samples: Sequence[Any]) -> dict[str, float]:
    """The figures of one rollout's samples; empty if none of them was judged by us."""
    judged = [(sample, record_of(sample)) for sample in samples if record_of(sample)]
    if not judged:
        return {}
    records = [record for _, record in judged]
    metrics = shares(records)
    metrics["statement_from_prompt"] = _mean([record.get("statement") == "prompt" for record in records])
    metrics |= _rewards([record for record in records if record["shaped"] is not None])
    metrics |= _scores([(sample, record) for sample, record in judged if record["verdict"] == "scored"])
    seconds = [record["seconds"] for record in records if record["verdict"] == "scored"]
    if seconds:
        metrics |= {"latency/p50": float(np.quantile(seconds, 0.5)), "latency/p99": float(np.quantile(seconds, 0.99))}
    spreads = _spreads([sample for sample, _ in judged])
    return {**metrics, **({"group_spread": _mean(spreads)} if spreads else {})}


def _rewards(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    if not records:
        return {}
    terms = sorted({name for record in records for name in record["terms"]})
    means = {f"terms/{name}": _mean([record["terms"].get(name, 0.0) for record in records]) for name in terms}
    return {"reward/mean": _mean([record["shaped"] for record in records]) + sum(means.values()), **means}


def _scores(judged: Sequence[tuple[Any, Mapping[str, Any]]]) -> dict[str, float]:
    if not judged:
        return {}
    scores = np.array([record["score"] for _, record in judged])
    lengths = np.array([sample.response_length for sample, _ in judged], dtype=float)
    metrics = {f"score/{name}": float(np.quantile(scores, at)) for name, at in _QUANTILES.items()}
    metrics |= {"score/mean": float(scores.mean())}
    asked = [record for _, record in judged if "rm" in record]
    if asked:
        metrics |= {"cache_hit_rate": _mean([record["cached"] for record in asked]), "cut": _mean([record["cut"] for record in asked])}
    if scores.std() > 0 and lengths.std() > 0:
        metrics["score_length_correlation"] = float(np.corrcoef(scores, lengths)[0, 1])
    return metrics


def _spreads(samples: Sequence[Any]) -> list[float]:
    groups: dict[Any, dict[Any, float]] = defaultdict(dict)
    for sample, rollout in zip(samples, rollout_keys(list(samples)), strict=True):
        if record_of(sample)["shaped"] is not None:
            groups[sample.group_index][rollout] = record_of(sample)["shaped"]
    return [spread_of(list(rewards.values())) for rewards in groups.values() if len(rewards) > 1]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))

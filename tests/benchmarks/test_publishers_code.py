"""Our arithmetic beside the publishers' own code, run from checkouts that variables name, on our scores or on those they published."""

import importlib.util
import json
import os
import random
from pathlib import Path

import pytest

from benchmarks.rewards.measures import matrix, pairs, ranking

VERIFIERS, RM_BENCH, JUDGEBENCH = (os.environ.get(name) for name in ("SCORING_VERIFIERS_ROOT", "RM_BENCH_ROOT", "JUDGEBENCH_ROOT"))


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(VERIFIERS is None, reason="SCORING_VERIFIERS_ROOT names no checkout of aleksficek/Scoring-Verifiers.")
def test_scoring_verifiers(tmp_path):
    pytest.importorskip("scipy", reason="Its code needs scipy.")
    draw, rows = random.Random(0), []
    for part in ("HE_plus", "MBPP_base"):
        for task in range(60):
            for rank in range(1, draw.randint(2, 6) + 1):
                # Whole numbers, so that there are ties.
                scores = {"reward_score": float(draw.choice([draw.gauss(0, 1), round(draw.gauss(0, 1))]))}
                rows.append({"dataset": part, "task_id": task, "rank": rank, "ground_average_test_score": draw.random(), "reward": scores})
    path = tmp_path / "scored.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    theirs = load(Path(VERIFIERS) / "evaluate.py", "verifiers").process_file(str(path), "reward")
    for part in ("HE_plus", "MBPP_base"):
        tasks = {}
        for row in rows:
            if row["dataset"] == part:
                tasks.setdefault(row["task_id"], []).append(row)
        columns = [
            ([r["reward"]["reward_score"] for r in own], [r["rank"] for r in own], [r["ground_average_test_score"] for r in own])
            for own in tasks.values()
        ]
        ours, told = ranking(columns), theirs[part]
        names = ("top1_accuracy", "bottom1_accuracy", "mean_spearman", "mean_Kendall_tau", "total_MAE", "total_R2")
        assert [ours.top1, ours.bottom1, ours.spearman, ours.kendall, ours.mae, ours.r2] == pytest.approx([told[name] for name in names])


@pytest.mark.skipif(RM_BENCH is None, reason="RM_BENCH_ROOT names no checkout of THU-KEG/RM-Bench.")
def test_rm_bench():
    import typing

    import numpy

    source = (Path(RM_BENCH) / "scripts" / "utils.py").read_text()
    # The function alone: its module imports whole inference stacks.
    space = {"np": numpy, **vars(typing)}
    exec(source[source.index("def compute_accuracy") : source.index("def load_eval_dataset")], space)
    draw = random.Random(0)
    drawn = [{side: [draw.choice([draw.gauss(0, 1), 0.0]) for _ in range(3)] for side in ("chosen", "rejected")} for _ in range(300)]
    rows = [{f"score_{side}": scores for side, scores in row.items()} for row in drawn]
    told, ours = space["compute_accuracy"](rows), matrix([row["score_chosen"] for row in rows], [row["score_rejected"] for row in rows])
    assert [ours.easy, ours.normal, ours.hard] == pytest.approx([told["easy_acc"], told["normal_acc"], told["hard_acc"]])


@pytest.mark.skipif(JUDGEBENCH is None, reason="JUDGEBENCH_ROOT names no checkout of ScalerLab/JudgeBench.")
def test_judgebench():
    """On the scores of five reward models that its authors published."""
    metrics = load(Path(JUDGEBENCH) / "utils" / "metrics.py", "judgebench")
    outputs = sorted((Path(JUDGEBENCH) / "outputs").glob("*judge_name=reward_model*"))
    assert len(outputs) == 5
    for output in outputs:
        rows = [json.loads(line) for line in output.read_text().splitlines()]
        rows = [row for row in rows if row["source"].startswith("livecodebench")]
        scores = [row["judgments"][0]["judgment"]["scores"] for row in rows]
        ordered = [both if row["label"] == "A>B" else both[::-1] for row, both in zip(rows, scores, strict=True)]
        ours = pairs([chosen for chosen, _ in ordered], [rejected for _, rejected in ordered], [{}] * len(rows))
        assert 100 * ours.accuracy == pytest.approx(metrics.compute_final_metrics(rows, False)), output.name

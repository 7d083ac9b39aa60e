"""Each benchmark's arithmetic, by hand, against other implementations, and against what was published."""

import json
import os
import random
from pathlib import Path

import pytest

from benchmarks.rewards.measures import matrix, pairs, pool, ranking
from benchmarks.rewards.published import themis_pairs
from code_reward.errors import DataError

THEMIS = os.environ.get("THEMIS_ROOT")


def test_a_tie_and_a_rejected_answer_are_no_win():
    figures = pairs([2.0, 1.0, None, 3.0], [1.0, 1.0, None, None], [{"aspect": a} for a in "xxyy"])
    assert (figures.correct, figures.count, figures.tied) == (2, 4, 2)
    assert {name: share.accuracy for name, share in figures.by["aspect"].items()} == {"x": 0.5, "y": 0.5}
    assert figures.mean_difference == 0.5


def test_no_pairs_are_no_figure():
    with pytest.raises(DataError, match="no pair"):
        pairs([], [], [])


def test_rm_bench_is_easy_below_the_diagonal():
    """A model that only likes what is elaborate: a right answer wins where it is the more elaborate one."""
    figures = matrix([[1, 2, 3]] * 4, [[1, 2, 3]] * 4)
    assert (figures.easy, figures.normal, figures.hard) == (1.0, 0.0, 0.0)
    figures = matrix([[4, 5, 6], [0, 0, 0]], [[1, 2, 3], [1, 1, 1]])
    assert (figures.easy, figures.normal, figures.hard, figures.mean) == (0.5, 0.5, 0.5, 0.5)


def test_rankings_by_hand():
    perfect = ranking([([3.0, 2.0, 1.0], [1, 2, 3], [1.0, 0.5, 0.0])])
    assert (perfect.top1, perfect.bottom1, perfect.spearman, perfect.kendall, perfect.mae, perfect.r2) == (1, 1, 1, 1, 0, 1)
    upside_down = ranking([([1.0, 2.0, 3.0], [1, 2, 3], [1.0, 0.5, 0.0])])
    assert (upside_down.top1, upside_down.bottom1, upside_down.spearman, upside_down.kendall) == (0, 0, -1, -1)
    tied = ranking([([1.0, 1.0, 0.0], [1, 2, 3], [1.0, 0.5, 0.0])])
    assert (tied.top1, tied.bottom1) == (0.5, 1.0)
    constant = ranking([([1.0, 1.0], [1, 2], [1.0, 0.0])])
    assert (constant.spearman, constant.kendall, constant.top1) == (0, 0, 0.5)


def test_rankings_are_those_of_scipy():
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed.")
    draw = random.Random(0)
    for _ in range(50):
        scores = [draw.randint(0, 4) + 0.0 for _ in range(6)]
        ranks = [float(draw.randint(1, 5)) for _ in range(6)]
        ours = ranking([(scores, ranks, [draw.random() for _ in ranks])])
        minus = [-score for score in scores]
        for name, theirs in (("spearman", stats.spearmanr(minus, ranks)), ("kendall", stats.kendalltau(minus, ranks))):
            assert getattr(ours, name) == pytest.approx(0.0 if theirs[0] != theirs[0] else float(theirs[0]))


def test_the_best_of_n_of_a_good_model_rises_to_the_oracle():
    tasks = [([3.0, 1.0, 0.0, None], [True, False, False, False]), ([0.0, 5.0, 1.0, 2.0], [False, True, False, True])]
    figures = pool(tasks, seed=0)
    assert figures.random == pytest.approx(0.375)
    assert figures.best_of[1].value == pytest.approx(0.375)
    assert figures.best_of[4].value == figures.oracle[4] == 1.0
    assert figures.rejected == 1


@pytest.mark.skipif(THEMIS is None, reason="THEMIS_ROOT names no checkout of iNeil77/Themis.")
def test_the_published_figures_of_51_reward_models_come_out_to_four_decimals():
    runs = sorted((Path(THEMIS) / "Evaluation" / "Evaluation_Runs").iterdir())
    assert len(runs) == 51
    for run in runs:
        told, ours = json.loads((run / "results.json").read_text()), themis_pairs(run / "scores.parquet")
        assert (
            told["overall"].items()
            >= {
                "accuracy": round(ours.accuracy, 4),
                "total_examples": ours.count,
                "correct_predictions": ours.correct,
                "mean_score_difference": round(ours.mean_difference, 4),
                "median_score_difference": round(ours.median_difference, 4),
                "std_score_difference": round(ours.deviation, 4),
            }.items()
        ), run.name
        for tag, shares in ours.by.items():
            assert told[f"by_{tag}"] == {
                name: {"accuracy": round(share.accuracy, 4), "count": share.count} for name, share in shares.items()
            }, run.name

"""What the page says of a run: the figures by brute force, and whether a hack is found."""

import json

import numpy as np
import pytest

from code_reward.metrics import auc
from code_reward_view import answers
from code_reward_view.run import Run
from scripts.bench_view.made import HOLES, write_run


def opened(path):
    source = Run(path).first
    source.refresh()
    return source


@pytest.fixture(scope="module")
def hacked(tmp_path_factory):
    return opened(write_run(tmp_path_factory.mktemp("run") / "rollouts.jsonl", 3000))


def test_the_figures_are_those_of_the_rows(hacked):
    rows = [hacked.row(i) for i in range(3000)]
    told = answers.tell_figures(hacked)
    assert told["counts"]["pass"] == pytest.approx(np.mean([row["passed"] for row in rows]))
    assert told["counts"]["reward"] == pytest.approx(np.mean([row["reward"] for row in rows]))
    for point in told["curves"]:
        part = [row for row in rows if point["step"] <= row["step"] <= point["last"]]
        assert point["count"] == len(part)
        assert point["reward"] == pytest.approx(np.mean([row["reward"] for row in part]))
        assert point["pass"] == pytest.approx(np.mean([row["passed"] for row in part]))
        assert point["rejected"] == pytest.approx(np.mean([row["outcome"] == "no_code" for row in part]))
    assert sum(point["count"] for point in told["curves"]) == 3000
    assert sum(map(sum, (told["histogram"][name] for name in ("right", "wrong")))) == 3000


def test_a_policy_that_exploits_its_reward_is_found_in_the_first_sentence_and_the_first_cluster(hacked):
    told = answers.tell_figures(hacked)
    assert told["findings"][0]["tone"] == "bad"
    assert "the truth does not follow" in told["findings"][0]["text"]
    [worst, *_] = answers.tell_errors(hacked)["liked"]["clusters"]
    assert any(hole.strip() in worst["program"] for hole in HOLES)
    early, late = np.array_split(worst["over_time"], 2)
    assert late.sum() > 2 * early.sum()
    assert all(hacked.row(row)["passed"] is False for row in worst["rows"])


def test_a_run_whose_reward_is_the_truth_is_not_accused(tmp_path):
    def row(i):
        right = (i * 7919) % 100 < 20 + i / 10
        return {"problem_id": f"p{i % 9}", "response": "x = 1", "step": i // 10, "passed": right, "reward": float(right)}

    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row(i)) + "\n" for i in range(600)))
    told = answers.tell_figures(opened(tmp_path))
    assert [one["tone"] for one in told["findings"]] == ["good", "plain"]
    assert answers.tell_errors(opened(tmp_path))["liked"]["looked_at"] == 0


def test_missing_verdicts_are_counted_first_and_in_no_mean(tmp_path):
    rows = [{"response": "x", "step": i, "reward": None if i % 2 else 1.0} for i in range(40)]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = answers.tell_figures(opened(tmp_path))
    assert told["counts"]["reward"] == 1.0
    assert told["findings"][0] == {"tone": "bad", "text": "50.00 % of the verdicts are missing: failures of ours, in no mean on this page."}


def test_the_calibration_is_that_of_the_evaluation(tmp_path):
    draw = np.random.default_rng(0)
    rows = []
    for i in range(200):
        right = bool(draw.random() < 0.5)
        rows.append({"problem_id": f"p{i % 20}", "program": "x", "passed": right, "score": float(draw.normal(right))})
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = answers.tell_figures(opened(tmp_path))
    assert told["reliability"]["auc"] == pytest.approx(auc([row["passed"] for row in rows], [row["score"] for row in rows]))
    assert sum(size for *_, size in told["reliability"]["bins"]) == 200


def test_what_is_told_is_json_whatever_the_file_holds(tmp_path):
    odd = [
        {"response": "\ud800 \x00 </script>", "reward": 1e308, "score": -1e308, "step": -5, "passed": True},
        {"program": "def f(:", "passed": False, "score": 0, "tests": "[[", "metadata": {"code_reward": 3}, "line_scores": ["x", None, 1]},
        {"program": "x = 1", "passed": True, "score": 2.0, "tests": [{"kind": "call", "args": "1"}, 7], "tests_passed": [True, False]},
    ]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in odd))
    source = opened(tmp_path)
    for told in (answers.tell_figures(source), answers.tell_errors(source), *(answers.tell_detail(source, i) for i in range(3))):
        json.dumps(told, allow_nan=False).encode("utf-8")
    assert [test["outcome"] for test in answers.tell_detail(source, 2)["tests"]] == ["passed", "failed"]


def test_of_a_labelled_file_the_outcomes_of_its_tests_are_told_those_alike_together(tmp_path):
    row = {"problem_id": "p", "statement": "s", "program": "x = 1", "passed": False, "outcome": "failed"}
    (tmp_path / "labelled.jsonl").write_text(json.dumps({**row, "test_outcomes": ["passed"] * 16 + ["failed"]}) + "\n")
    told = answers.tell_detail(opened(tmp_path / "labelled.jsonl"), 0)
    assert [(test["text"], test["outcome"]) for test in told["tests"]] == [("# tests 1 to 16", "passed"), ("# test 17", "failed")]
    assert not [name for name, _ in told["facts"] if name == "test_outcomes"]


def test_a_judges_words_and_a_score_per_line_are_told_from_the_record_of_a_sample(tmp_path):
    record = {
        "verdict": "scored",
        "reason": None,
        "score": 0.8,
        "judge": {"votes": [0.8], "words": "It is right."},
        "line_scores": [0.1, 0.8],
    }
    row = {"response": "```python\ndef f():\n    return 1\n```", "reward": 0.8, "metadata": {"id": "p", "code_reward": record}}
    (tmp_path / "rollouts.jsonl").write_text(json.dumps(row) + "\n")
    told = answers.tell_detail(opened(tmp_path / "rollouts.jsonl"), 0)
    assert (told["words"], told["line_scores"]) == ("It is right.", [0.1, 0.8])

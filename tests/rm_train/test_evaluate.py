import json
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest
from tiny_policy import right, statement, wrong
from tiny_rm import build_rm

from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rm_input import RMInput
from code_reward.rows import read_rows, write_rows
from reward_servers.scorer import Scorer
from rm_train.evaluate import Evaluate, main
from rm_train.figures import ScoredProgram
from rm_train.measure import evaluate, evaluate_all


def labelled(i: int, program: str, passed: bool, origin: str = "policy") -> dict[str, object]:
    return {"problem_id": f"p{i}", "statement": statement(i), "program": program, "passed": passed, "origin": origin}


def scored(i: int, score: float, passed: bool, origin: str = "policy") -> ScoredProgram:
    return ScoredProgram.model_validate({**labelled(i, "", passed, origin), "score": score})


def above(right: float, wrong: float) -> float:
    return 1.0 if right > wrong else 0.5 if right == wrong else 0.0


def some_rows() -> list[ScoredProgram]:
    """Problems of unlike sizes, with ties, and one that has only right programs."""
    draw = Random(0)
    rows = [scored(i, draw.randrange(8) + passed, passed) for i in range(12) for passed in (True, *(draw.random() < 0.4 for _ in range(i)))]
    return [*rows, scored(99, 3.0, True)]


def test_the_figures_equal_brute_force() -> None:
    rows = some_rows()
    result = evaluate(rows, seed=0)
    per_problem = []
    for i in range(12):
        of_problem = [row for row in rows if row.problem_id == f"p{i}"]
        couples = list(product([r for r in of_problem if r.passed], [r for r in of_problem if not r.passed]))
        if couples:
            per_problem.append(np.mean([above(good.score, bad.score) for good, bad in couples]))
    everywhere = product([r for r in rows if r.passed], [r for r in rows if not r.passed])
    assert result.pair_accuracy.value == pytest.approx(np.mean(per_problem))
    assert result.auc.value == pytest.approx(np.mean([above(good.score, bad.score) for good, bad in everywhere]))
    assert (result.problems, result.right, result.wrong) == (13, sum(r.passed for r in rows), sum(not r.passed for r in rows))
    for figure in (result.pair_accuracy, result.auc):
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert 0 <= result.ece <= 1


def test_a_perfect_model_and_its_reverse() -> None:
    rows = [scored(i, float(passed), passed) for i in range(6) for passed in (True, False)]
    assert (evaluate(rows, seed=0).pair_accuracy.value, evaluate(rows, seed=0).auc.value) == (1.0, 1.0)
    reverse = [row.model_copy(update={"score": -row.score}) for row in rows]
    assert evaluate(reverse, seed=0).pair_accuracy.value == 0.0


def test_each_origin_of_wrong_programs_is_told_apart() -> None:
    rows = []
    for i in range(4):
        rows += [scored(i, 1.0, True, "reference"), scored(i, 0.0, False, "mutant"), scored(i, 2.0, False, "policy")]
    rows.append(scored(0, 5.0, False, "search"))
    results = evaluate_all(rows, seed=0)
    assert {name: result.pair_accuracy.value for name, result in results.items() if name != "all"} == {"mutant": 1.0, "policy": 0.0}
    assert results["mutant"].wrong == 4
    assert "search" not in results, "one problem is too few to measure"


def test_nothing_to_measure_is_an_error() -> None:
    for rows in ([], [scored(1, 1.0, True), scored(1, 0.0, False)], [scored(i, 1.0, True) for i in range(5)]):
        with pytest.raises(DataError, match="label more programs"):
            evaluate_all(rows, seed=0)


def test_the_command_scores_every_distinct_program_once(tmp_path: Path) -> None:
    model = build_rm(tmp_path / "rm", num_hidden_layers=1)
    rows = [LabelledProgram.model_validate(labelled(i, text, text == right(i))) for i in range(1, 7) for text in (right(i), wrong(i))]
    without = LabelledProgram.model_validate(labelled(1, "", False))
    endless = LabelledProgram.model_validate(labelled(1, "x = 1\n" * 5000, False))
    write_rows(tmp_path / "first.jsonl", [*rows[:6], without, endless])
    write_rows(tmp_path / "second.parquet", rows[2:])
    main(Evaluate(model=model, labelled=[tmp_path / "first.jsonl", tmp_path / "second.parquet"], out=tmp_path / "figures.json"))
    scores = read_rows(tmp_path / "figures.scores.parquet", ScoredProgram)
    assert [(row.problem_id, row.program, row.passed) for row in scores] == [(row.problem_id, row.program, row.passed) for row in rows]
    rm_input = RMInput.load(model)
    direct = Scorer(model).score([rm_input.encode(row.statement, row.program).ids for row in rows])
    assert [row.score for row in scores] == pytest.approx(direct, abs=1e-5)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["all"]["right"] == figures["all"]["wrong"] == 6


def test_the_page_beside_the_figures_shows_the_same_ones_and_the_worst_errors(tmp_path: Path) -> None:
    model = build_rm(tmp_path / "rm", num_hidden_layers=1)
    texts = [(i, text, text == right(i)) for i in range(1, 31) for text in (right(i), wrong(i))]
    write_rows(tmp_path / "rows.jsonl", [LabelledProgram.model_validate(labelled(*one)) for one in texts])
    main(Evaluate(model=model, labelled=[tmp_path / "rows.jsonl"], out=tmp_path / "figures.json", seed=3))
    page = (tmp_path / "figures.html").read_text()
    told = json.loads(page.partition('id="told">')[2].partition("</script>")[0])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert told["figures"]["reliability"]["ece"] == pytest.approx(figures["all"]["ece"])
    assert told["figures"]["reliability"]["auc"] == pytest.approx(figures["all"]["auc"]["value"])
    assert "n - " in told["errors"]["liked"]["clusters"][0]["program"]
    assert "http:" not in page.replace("http://www.w3.org/2000/svg", "")

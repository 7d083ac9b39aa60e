"""The quickstart's pictures say what its report says."""

import json
from pathlib import Path

import pytest

from code_reward.rows import write_rows
from rm_train.figures import ScoredProgram
from scripts.quickstart import plots
from scripts.quickstart.figures import PARTS, Figures, _reward_model, part_of


def test_the_reliability_diagram_has_the_errors_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "problems").mkdir()
    problems = [{"id": f"{part}{number}", "statement": "s", "part": part} for part in PARTS for number in range(8)]
    (tmp_path / "problems" / "test.jsonl").write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    scored = [
        ScoredProgram(problem_id=problem["id"], statement="s", program=f"p{k}", passed=k % 2 == 0, score=(k * 7 + place * place) % 11 - 4.0)
        for place, problem in enumerate(problems)
        for k in range(6)
    ]
    write_rows(tmp_path / "rm.evaluation.scores.parquet", scored)
    parts = part_of(tmp_path)
    measured = {part: _reward_model(tmp_path, part, parts) for part in PARTS}
    legends: list[str] = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: legends.extend(text.get_text() for text in figure.axes[0].get_legend().texts))
    plots._reliability(tmp_path, Figures.model_construct(reward_model=measured))
    assert legends == [f"{PARTS[part]} (ECE {measured[part]['all'].ece:.3f})" for part in PARTS]
    assert len({measured[part]["all"].ece for part in PARTS}) == 2

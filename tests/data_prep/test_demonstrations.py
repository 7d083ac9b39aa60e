from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from code_reward.problem import Problem, save_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows
from data_prep.demonstrations import Demonstrations, demonstrate, main
from data_prep.families.generator import generate
from data_prep.mutants import normalise

PROBLEMS = generate(60, 0)


def share(right_share: float, seed: int = 0) -> float:
    rows = demonstrate(PROBLEMS, per_problem=20, right_share=right_share, seed=seed)
    return sum(row.passed for row in rows) / len(rows)


@pytest.mark.parametrize("wanted", [0.2, 0.4, 0.65, 0.9])
def test_the_share_of_right_programs_is_what_was_asked_for(wanted: float) -> None:
    # 1200 draws: five standard deviations are 0.07 at most.
    assert abs(share(wanted) - wanted) < 0.07


def test_the_extremes_are_exact() -> None:
    assert (share(0.0), share(1.0)) == (0.0, 1.0)


def test_every_problem_gets_its_rows_and_each_row_is_what_it_says() -> None:
    rows = demonstrate(PROBLEMS, per_problem=5, right_share=0.5, seed=0)
    assert Counter(row.problem_id for row in rows) == {problem.id: 5 for problem in PROBLEMS}
    of = {problem.id: problem for problem in PROBLEMS}
    for row in rows:
        problem = of[row.problem_id]
        assert (row.program == problem.reference_solution) == row.passed == (row.origin == "reference")
        assert (row.statement, row.entry_point) == (problem.statement, problem.entry_point)
    order = [row.problem_id for row in rows]
    assert order != sorted(order, key=[problem.id for problem in PROBLEMS].index), "the rows are mixed"


def test_a_wrong_program_of_several_mutations_differs_more_and_is_never_the_right_one() -> None:
    once, often = (demonstrate(PROBLEMS[:20], per_problem=2, right_share=0.0, seed=0, mutations=times) for times in (1, 4))
    right = {problem.id: problem.reference_solution or "" for problem in PROBLEMS}

    def likeness(rows: list[LabelledProgram]) -> float:
        return sum(SequenceMatcher(None, right[row.problem_id], row.program).ratio() for row in rows) / len(rows)

    assert likeness(often) < likeness(once)
    assert not any(normalise(row.program) == normalise(right[row.problem_id]) for row in often)
    for row in often:
        compile(row.program, row.problem_id, "exec")


def test_the_seed_decides() -> None:
    first, again, other = (demonstrate(PROBLEMS, per_problem=4, right_share=0.5, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_problem_without_reference_has_none_and_one_without_mutants_only_right_ones() -> None:
    bare = Problem(id="bare", statement="?", entry_point="f")
    fixed = Problem(id="fixed", statement="?", entry_point="f", reference_solution="def f():\n    return object()")
    rows = demonstrate([bare, fixed], per_problem=3, right_share=0.0, seed=0)
    assert {row.problem_id for row in rows} <= {"fixed"}
    assert all(row.passed for row in rows if row.program == fixed.reference_solution)
    assert len(rows) == 3


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_problems(tmp_path / "problems.jsonl", PROBLEMS[:4])
    main(Demonstrations(problems=[tmp_path / "problems.jsonl"], out=tmp_path / "rows.parquet", per_problem=2, right_share=1.0))
    assert len(read_rows(tmp_path / "rows.parquet", LabelledProgram)) == 8
    assert "8 programs for 4 problems, 8 of them right" in capsys.readouterr().out

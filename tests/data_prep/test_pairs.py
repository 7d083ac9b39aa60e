from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.reward_data import LabelledProgram, Pair
from code_reward.rows import read_rows, write_rows
from code_reward.selection.matrix import load_matrices
from data_prep import matrices, split
from data_prep.pairs import Pairs, main, make_pairs, split_by_problem


def labelled(program: str, passed: bool, problem_id: str = "p", origin: str = "policy", **changes: object) -> LabelledProgram:
    row = {"problem_id": problem_id, "statement": f"About {problem_id}.", "program": program, "passed": passed, "origin": origin, **changes}
    return LabelledProgram.model_validate(row)


rows_of_any_kind = st.lists(
    st.builds(
        labelled,
        program=st.sampled_from(["", " ", "a = 1", "a = 1\n", "b = 2", "c = 3", "d = 4", "e = 5", "f = 6"]),
        passed=st.booleans(),
        problem_id=st.sampled_from(["p", "q", "r"]),
        origin=st.sampled_from(["policy", "mutant", "reference", "search"]),
    ),
    max_size=40,
)


@given(rows_of_any_kind, st.integers(1, 12), st.integers(0, 3), st.integers(1, 4), st.booleans())
def test_every_promise_holds_for_any_rows(rows: list[LabelledProgram], per_problem: int, seed: int, per_program: int, hard: bool) -> None:
    pairs = make_pairs(rows, per_problem, seed, per_program=per_program, hard_negatives=hard)
    verdicts: dict[tuple[str, str], set[bool]] = {}
    for row in rows:
        verdicts.setdefault((row.problem_id, row.program.strip()), set()).add(row.passed)
    for pair in pairs:
        assert verdicts[pair.problem_id, pair.chosen.strip()] == {True}, "the chosen program is right, and of this problem"
        assert verdicts[pair.problem_id, pair.rejected.strip()] == {False}
        assert pair.chosen.strip() != pair.rejected.strip() != ""
        assert pair.statement == f"About {pair.problem_id}."
    assert max(Counter(pair.problem_id for pair in pairs).values(), default=0) <= per_problem
    sides = Counter((pair.problem_id, text) for pair in pairs for text in (pair.chosen, pair.rejected))
    assert max(sides.values(), default=0) <= per_program
    assert len({(pair.problem_id, pair.chosen, pair.rejected) for pair in pairs}) == len(pairs)
    assert pairs == make_pairs(rows, per_problem, seed, per_program=per_program, hard_negatives=hard)


@given(rows_of_any_kind, st.integers(0, 3))
def test_a_problem_with_both_sides_has_a_pair(rows: list[LabelledProgram], seed: int) -> None:
    verdicts: dict[tuple[str, str], set[bool]] = {}
    for row in rows:
        verdicts.setdefault((row.problem_id, row.program.strip()), set()).add(row.passed)
    clear = {(id_, next(iter(passed))) for (id_, text), passed in verdicts.items() if text and len(passed) == 1}
    expected = {id_ for id_ in "pqr" if {(id_, True), (id_, False)} <= clear}
    assert {pair.problem_id for pair in make_pairs(rows, 1, seed)} == expected


def test_caps_are_reached_where_there_is_enough() -> None:
    rows = [labelled(f"right {i}", True) for i in range(10)] + [labelled(f"wrong {i}", False) for i in range(10)]
    assert len(make_pairs(rows, 16, 0)) == 16
    one_right = [labelled("right", True), *rows[10:]]
    assert len(make_pairs(one_right, 16, 0, per_program=4)) == 4


def test_unused_programs_come_first() -> None:
    rows = [labelled(f"right {i}", True) for i in range(8)] + [labelled(f"wrong {i}", False) for i in range(8)]
    for seed in range(5):
        pairs = make_pairs(rows, 8, seed)
        assert len({pair.chosen for pair in pairs}) >= 6, "eight pairs of eight right programs hardly repeat one"


def test_origins_of_wrong_programs_share_the_pairs() -> None:
    rows = [labelled(f"right {i}", True, origin="reference") for i in range(20)]
    rows += [labelled(f"sample {i}", False) for i in range(100)] + [labelled(f"mutant {i}", False, origin="mutant") for i in range(10)]
    assert Counter(pair.origin for pair in make_pairs(rows, 12, 0)) == {"policy": 6, "mutant": 6}


def test_a_problem_does_not_depend_on_the_others() -> None:
    mine = [labelled(f"right {i}", True) for i in range(5)] + [labelled(f"wrong {i}", False) for i in range(5)]
    others = [labelled("x", True, "q"), labelled("y", False, "q")]
    alone = make_pairs(mine, 4, 7)
    assert [pair for pair in make_pairs([*others, *mine], 4, 7) if pair.problem_id == "p"] == alone
    assert make_pairs(mine, 4, 8) != alone, "another seed, other pairs"


def test_hard_negatives_are_the_wrong_programs_most_like_a_right_one() -> None:
    right = "def f(items):\n    total = 0\n    for item in items:\n        total += item\n    return total\n"
    near = right.replace("total = 0", "total = 1")
    far = [f"def f(items):\n    return items[{i}]\n" for i in range(30)]
    rows = [labelled(right, True), *(labelled(program, False) for program in [*far, near])]
    assert [pair.rejected for pair in make_pairs(rows, 1, 0, hard_negatives=True)] == [near]


def test_a_pair_carries_entry_point_and_group() -> None:
    rows = [labelled("a", True, entry_point="f", group="lists"), labelled("b", False, entry_point="f", group="lists", origin="mutant")]
    [pair] = make_pairs(rows, 4, 0)
    assert (pair.entry_point, pair.group, pair.origin) == ("f", "lists", "mutant")


@given(st.lists(st.sampled_from("abcdefghij"), max_size=60), st.integers(0, 5), st.floats(0, 1))
def test_a_split_never_divides_a_problem(ids: list[str], seed: int, share: float) -> None:
    rows = [labelled(f"program {i}", True, id_) for i, id_ in enumerate(ids)]
    first, second = split_by_problem(rows, share, seed)
    assert {row.problem_id for row in first}.isdisjoint({row.problem_id for row in second})
    assert sorted([*first, *second], key=rows.index) == rows
    assert len({row.problem_id for row in first}) == round(share * len(set(ids)))
    backwards = split_by_problem(rows[::-1], share, seed)
    assert {row.problem_id for row in backwards[0]} == {row.problem_id for row in first}, "the order of rows does not matter"


def test_a_split_depends_on_the_seed() -> None:
    rows = [labelled("a", True, str(i)) for i in range(40)]
    assert split_by_problem(rows, 0.5, 0) != split_by_problem(rows, 0.5, 1)


def test_the_command_writes_the_pairs_that_it_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [labelled(f"{verdict} {i}", verdict, f"p{i % 10}") for i in range(40) for verdict in (True, False)]
    write_rows(tmp_path / "labelled.jsonl", rows)
    main(Pairs(labelled=[tmp_path / "labelled.jsonl"], out=tmp_path / "pairs.parquet", _cli_parse_args=False))
    assert read_rows(tmp_path / "pairs.parquet", Pair) == make_pairs(rows, 16, 0)
    assert "from 10 of 10 problems" in capsys.readouterr().out


def test_the_split_command_keeps_every_column_of_both_sides(tmp_path: Path) -> None:
    rows = [labelled(f"program {i}", True, f"p{i % 10}", model="a-model") for i in range(40)]
    write_rows(tmp_path / "rows.jsonl", rows)
    first, second = tmp_path / "first.parquet", tmp_path / "second.jsonl.gz"
    split.main(split.Split(rows=tmp_path / "rows.jsonl", first=first, second=second, share=0.3, _cli_parse_args=False))
    expected = split_by_problem(rows, 0.3, 0)
    assert (read_rows(first, LabelledProgram), read_rows(second, LabelledProgram)) == expected
    assert len(expected[0]) == 12


def test_matrices_keep_every_candidate_and_leave_unscored_ones_without_a_number(tmp_path: Path) -> None:
    rows = [labelled("a", True), labelled("b", False), labelled("a", True), labelled("", False), labelled("a", False, "q")]
    scores = [matrices.Score(problem_id="p", program="a", score=2.0), matrices.Score(problem_id="p", program="b", score=-1.0)]
    write_rows(tmp_path / "labelled.parquet", rows)
    write_rows(tmp_path / "scores.parquet", scores)
    out = tmp_path / "matrices.jsonl"
    matrices.main(
        matrices.Matrices(labelled=tmp_path / "labelled.parquet", scores=tmp_path / "scores.parquet", out=out, _cli_parse_args=False)
    )
    p, q = load_matrices(out)
    assert (p.problem_id, p.correct, p.scores) == ("p", [True, False, True, False], [2.0, -1.0, 2.0, None])
    assert (q.problem_id, q.correct, q.scores) == ("q", [False], [None]), "a score is of one problem's program"

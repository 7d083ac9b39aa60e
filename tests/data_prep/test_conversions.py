import pytest

from code_reward.reward_data import Pair, Prefix
from code_reward.rows import read_rows
from data_prep.conversions import Conversions, main, make_pairs, make_prefixes
from data_prep.families import generate
from data_prep.judges import Judgement
from data_prep.search import RECIPES, Failure, OfflinePolicy, RolloutRecord, Tree, TreeRecord
from data_prep.search.run import Run, Setup
from data_prep.search.tree import Plan


def tree_of(*programs, problem_id="p"):
    """A tree of programs whose segments are their lines; each with a value and the judge's agreement."""
    tree, rollouts = Tree(RECIPES["default"], "s"), []
    for number, (program, value, agreement) in enumerate(programs, start=1):
        segments = [{"text": line, "key": line} for line in program.split("\n")]
        judgement = (
            None if value is None else Judgement(correctness=value, agreement=agreement, words="<b>because</b>", evidence="x < 1 & y")
        )
        rollout = RolloutRecord(
            problem_id=problem_id,
            number=number,
            node=0,
            action="start",
            segments=segments,
            response=f"So <script>:\n```python\n{program}\n```\nDone.",
            judgement=judgement,
            failure=None if judgement else Failure(kind="timeout", message="<i>late</i>"),
        )
        tree.nodes[0].pending += 1
        tree.back_up(Plan(number, 0, "start"), rollout)
        rollouts.append(rollout)
    leaves = {leaf: one.number for leaf, one in tree.leaves.items()}
    return TreeRecord(problem_id=problem_id, statement="<s>", nodes=tree.to_records(), leaves=leaves, rollouts=rollouts)


ABC = [("a\nb\nc", 1.0, 1.0), ("a\nb\nd", 0.0, 0.6), ("a\ne", 0.5, 0.8)]


def test_a_prefix_row_has_the_mean_of_what_is_below_and_the_answer_up_to_it():
    rows = {row.program: row for row in make_prefixes(tree_of(*ABC))}
    assert {program: (row.value, row.visits, row.complete) for program, row in rows.items()} == {
        "a": (0.5, 3, False),
        "a\nb": (0.5, 2, False),
        "a\nb\nc": (1.0, 1, True),
        "a\nb\nd": (0.0, 1, True),
        "a\ne": (0.5, 1, True),
    }
    assert rows["a\nb"].response == "So <script>:\n```python\na\nb"
    assert rows["a\nb\nc"].response.endswith("```\nDone.")
    assert rows["a"].agreement == pytest.approx(0.8)


def test_published_prefix_rows_come_once_per_path():
    assert sorted(row.program for row in make_prefixes(tree_of(*ABC), per_path=True)).count("a") == 3


def test_pairs_are_of_leaves_and_forks_of_different_value_neither_above_the_other():
    pairs = {(pair.chosen, pair.rejected): pair for pair in make_pairs(tree_of(*ABC))}
    assert set(pairs) == {("a\nb\nc", "a\nb\nd"), ("a\nb\nc", "a\ne"), ("a\ne", "a\nb\nd")}
    pair = pairs["a\ne", "a\nb\nd"]
    assert (pair.model_extra["gap"], pair.model_extra["visits"]) == (0.5, 1)
    assert (pair.chosen_complete, pair.rejected_complete) == (True, True)
    assert pair.chosen_response == "So <script>:\n```python\na\ne\n```\nDone."
    assert pair.weight == pytest.approx(0.6)
    assert pair.margin == 0
    assert {(p.chosen, p.rejected) for p in make_pairs(tree_of(*ABC), least_gap=0.5)} == {("a\nb\nc", "a\nb\nd")}
    assert [p.margin for p in make_pairs(tree_of(*ABC), margin_scale=2.0, most=1)] in ([1.0], [2.0])


def test_forks_are_left_out_of_complete_pairs():
    wide = tree_of(("a\nb", 1.0, 1.0), ("a\nc", 1.0, 1.0), ("d\ne", 0.0, 1.0))
    pairs = {(pair.chosen, pair.rejected): pair for pair in make_pairs(wide)}
    fork = pairs["a", "d\ne"]
    assert (fork.chosen_complete, fork.rejected_complete) == (False, True)
    assert fork.chosen_response == "So <script>:\n```python\na", "its fence stays open"
    assert ("a", "d\ne") not in {(pair.chosen, pair.rejected) for pair in make_pairs(wide, complete=True)}


def test_what_was_not_judged_becomes_no_row():
    tree = tree_of(("a\nb", None, 0), ("c", 1.0, 1.0))
    assert [row.program for row in make_prefixes(tree)] == ["c"]
    assert make_pairs(tree) == []
    assert not tree.has_signal
    assert make_prefixes(TreeRecord(problem_id="p", statement="s", failure=Failure(kind="no_inputs", message="m"))) == []


def test_an_answer_that_does_not_hold_its_program_is_of_no_use():
    tree = tree_of(*ABC)
    tree.rollouts[0] = tree.rollouts[0].model_copy(update={"response": "something else"})
    assert "a\nb\nc" not in {row.program for row in make_prefixes(tree)}
    assert "a\nb\nc" not in {pair.chosen for pair in make_pairs(tree)}


class Judge:
    async def open(self, problem, scope):
        return self

    async def judge(self, program, suffix, scope):
        return Judgement(correctness=len(program) % 5 / 4)


async def test_the_command_splits_by_problem_and_reports(tmp_path):
    recipe = RECIPES["default"]
    with Run(tmp_path / "run", Setup(recipe=recipe, policy="offline", judge="length")) as run:
        await run.grow_all(generate(10, seed=0), OfflinePolicy(recipe), Judge())
    main(Conversions(trees=tmp_path / "run", out=tmp_path / "data", validation=0.3))
    prefixes = {side: read_rows(tmp_path / "data" / f"prefixes.{side}.parquet", Prefix) for side in ("train", "valid")}
    pairs = {side: read_rows(tmp_path / "data" / f"pairs.{side}.parquet", Pair) for side in ("train", "valid")}
    apart = {row.problem_id for row in prefixes["valid"]}
    assert len(apart) == 3
    assert not apart & {row.problem_id for row in (*prefixes["train"], *pairs["train"])}
    assert {row.problem_id for row in pairs["valid"]} <= apart
    assert pairs["train"]
    report = (tmp_path / "data" / "report.md").read_text()
    assert "10 trees" in report
    assert "offline@1 | 100" in report or "offline@1" in report
    assert "Values of prefixes" in report
    assert f"| pairs.train | {len(pairs['train'])} |" in report
    assert report.count("## A pair of") == 3

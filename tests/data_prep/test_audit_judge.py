import pytest

from code_reward.errors import DataError, JudgeError
from code_reward.reward_data import LabelledProgram
from data_prep.audit_judge import Item, audit, confusion, prefix_items, self_disagreement, to_markdown
from data_prep.families import generate
from data_prep.judges import Judgement
from data_prep.llm import Ledger
from data_prep.search import RECIPES, OfflinePolicy
from data_prep.search.run import Run, Setup, read_trees

PROBLEMS = generate(6, seed=0)


class Judge:
    """Right about programs with an even number of characters; cannot read those with a `?`; refuses the first problem."""

    async def open(self, problem, scope):
        if problem.id == PROBLEMS[0].id:
            raise DataError("no calls", kind="no_inputs")
        return self

    async def judge(self, program, suffix, scope):
        if "?" in program:
            raise JudgeError("no scores", kind="unparsable")
        return Judgement(correctness=float(len(program) % 2 == 0))


def rows(*programs):
    return [
        LabelledProgram(problem_id=problem.id, statement="s", program=program, passed=passed, outcome="passed" if passed else "failed")
        for problem in PROBLEMS
        for program, passed in programs
    ]


async def test_an_audit_compares_with_the_truth_and_counts_what_was_not_judged(tmp_path):
    with Ledger(tmp_path / "l.jsonl") as ledger:
        result = await audit(
            PROBLEMS, rows(("ab", True), ("abc", False), ("abcd", False), ("?", True), ("", False)), Judge(), ledger, repeats=2
        )
    assert result.failures == {"problem: no_inputs": 1, "program: unparsable": 10}
    assert len(result.items) == 15
    text = to_markdown("Programs", result.items)
    assert "AUC 0.750" in text
    assert "| failed | 5 | 5 |" in confusion(result.items)
    assert self_disagreement(result.items) == 0.0


async def test_a_program_of_an_unknown_problem_is_an_error(tmp_path):
    with Ledger(tmp_path / "l.jsonl") as ledger, pytest.raises(DataError, match=PROBLEMS[0].id):
        await audit(PROBLEMS[1:], rows(("ab", True)), Judge(), ledger)


def test_disagreement_counts_pairs_of_answers_and_what_is_not_measured_says_so():
    items = [Item("p", 1.0, "passed", (1.0, 0.2, 0.8)), Item("q", 1.0, "passed", (1.0, 1.0, 1.0))]
    assert self_disagreement(items) == pytest.approx(2 / 6)
    assert self_disagreement([Item("p", 1.0, "passed", (1.0,))]) is None
    assert "Not measured" in to_markdown("Programs", items)


async def test_prefixes_are_measured_by_the_share_of_programs_below_that_pass(tmp_path):
    recipe = RECIPES["default"]
    with Run(tmp_path / "run", Setup(recipe=recipe, policy="offline", judge="x")) as run:
        await run.grow_all(PROBLEMS[1:], OfflinePolicy(recipe), Judge())
    truths = {
        (tree.problem_id, tree.prefix(leaf)): tree.nodes[leaf].mean == 1.0 for tree in read_trees(tmp_path / "run") for leaf in tree.leaves
    }
    items = prefix_items(tmp_path / "run", truths)
    assert len(items) > 5
    assert {item.said[0] == 1.0 for item in items if item.truth == 1.0} <= {True}
    assert {item.said[0] == 0.0 for item in items if item.truth == 0.0} <= {True}
    assert prefix_items(tmp_path / "run", {}) == []

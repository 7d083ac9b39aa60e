import asyncio

import pytest

from code_reward.errors import DataError, JudgeError
from code_reward.reward_data import LabelledProgram
from data_prep.audit_judge import Item, audit, confusion, draw, prefix_items, self_disagreement, to_markdown
from data_prep.families import generate
from data_prep.judges import Judgement
from data_prep.llm import Ledger, RunStopped

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
        result = await audit(PROBLEMS, rows(("ab", True), ("abc", False), ("abcd", False), ("?", True)), Judge(), ledger, repeats=2)
    assert result.failures == {"problem: no_inputs": 1, "program: unparsable": 10}
    assert len(result.items) == 15
    text = to_markdown("Programs", result.items)
    assert "AUC 0.750" in text
    assert "| failed | 5 | 5 |" in confusion(result.items)
    assert self_disagreement(result.items) == 0.0


async def test_an_audit_that_is_stopped_finishes_what_is_under_way_and_begins_no_more(tmp_path):
    class Stopping(Judge):
        begun, finished = 0, 0

        async def open(self, problem, scope):
            return self

        async def judge(self, program, suffix, scope):
            self.begun += 1
            if self.begun == 2:
                raise RunStopped("no key", kind="unauthorised")
            await asyncio.sleep(0.01)
            self.finished += 1
            return Judgement(correctness=1.0)

    judge = Stopping()
    with Ledger(tmp_path / "l.jsonl") as ledger, pytest.raises(RunStopped):
        await audit(PROBLEMS, rows(("ab", True)), judge, ledger, at_once=3)
    assert (judge.begun, judge.finished) == (2, 1)


def test_programs_are_drawn_once_each_and_whatever_their_order():
    given = rows(*((text, True) for text in "abcdefaa"), ("", False))
    drawn = draw(given, 3, 0)
    assert len(drawn) == 3 * len(PROBLEMS) == len({(row.problem_id, row.program) for row in drawn})
    assert draw(given[::-1], 3, 0) == drawn != draw(given, 3, 1)
    assert len(draw(given, None, 0)) == 6 * len(PROBLEMS)


async def test_a_program_of_an_unknown_problem_is_an_error(tmp_path):
    with Ledger(tmp_path / "l.jsonl") as ledger, pytest.raises(DataError, match=PROBLEMS[0].id):
        await audit(PROBLEMS[1:], rows(("ab", True)), Judge(), ledger)


def test_disagreement_counts_pairs_of_answers_and_what_is_not_measured_says_so():
    items = [Item("p", "", 1.0, "passed", (1.0, 0.2, 0.8)), Item("q", "", 1.0, "passed", (1.0, 1.0, 1.0))]
    assert self_disagreement(items) == pytest.approx(2 / 6)
    assert self_disagreement([Item("p", "", 1.0, "passed", (1.0,))]) is None
    assert "Not measured" in to_markdown("Programs", items)
    assert to_markdown("Prefixes", []) == "## Prefixes\n\nNone."


def test_prefixes_are_measured_where_programs_part():
    def item(body, truth, said):
        return Item("p", "def f(x):\n    a = 1\n    b = 2\n" + body, truth, "", (said,))

    items = [
        item("    if x:\n        return a\n    return b", 1.0, 1.0),
        item("    if x:  # a note\n        return a\n    return a", 0.0, 0.2),
        item("    return b", 0.0, 0.0),
        Item("p", "def f(:", 0.0, "", (0.0,)),
        Item("q", "def f(x):\n    a = 1\n    b = 2\n    return b", 1.0, "", (1.0,)),
    ]
    by_program = {one.program: one for one in prefix_items(items)}
    first = "def f(x):\n    a = 1\n    b = 2"
    assert set(by_program) == {first, f"{first}\n    if x:\n        return a"}
    assert by_program[first].truth == pytest.approx(1 / 3)
    assert by_program[first].said == (pytest.approx(0.4),)
    assert by_program[f"{first}\n    if x:\n        return a"].said == (pytest.approx(0.6),)

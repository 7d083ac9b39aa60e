import ast
import asyncio
import contextlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import DataError, JudgeError, SandboxError
from code_reward.problem import AssertTest, CallTest, CheckTest, Problem
from data_prep.families import generate
from data_prep.judges import Judgement, LLMJudge, ReferenceJudge, judging_inputs
from data_prep.judges.changes import change
from data_prep.judges.reading import read_apart, read_published
from data_prep.llm import Ledger, LLMError, Reply
from data_prep.mutants import mutants
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Outcome

REFERENCE = "def f(xs):\n    return sum(x for x in xs if x > 2)\n"
INPUTS = ["([1, 2, 3],)", "([],)", "([5, 5],)", "([2, 9],)"]


@pytest.fixture(scope="module")
def sandbox():
    sandbox = connect(workers=2)
    yield sandbox
    asyncio.run(sandbox.close())


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        yield ledger


def problem(reference=REFERENCE, inputs=INPUTS, **more):
    row = {"id": "p", "statement": "Sum what is above 2.", "entry_point": "f", "reference_solution": reference, "inputs": inputs}
    return Problem.model_validate({**row, **more})


class Asker:
    """Answers what `replies` says, in order; remembers the requests."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.requests = []

    async def ask(self, request, urgency=0.0):
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return Reply(text=reply)


# Inputs


def test_a_problem_s_own_inputs_are_taken_without_those_of_its_tests():
    tests = [
        CallTest(args="[[1, 2, 3]]", expected="3"),
        AssertTest(code="assert f([]) == 0"),
        CheckTest(code="assert candidate([5, 5]) == 10"),
    ]
    assert judging_inputs(problem(tests=tests)) == ["([2, 9],)"]


@pytest.mark.parametrize(
    "statement",
    ["def f(xs):\n    '''\n    >>> f([1, 2, 3])\n    3\n    '''", "Input: xs = [1, 2, 3]\nOutput: 3", "f([1, 2, 3]) should return 3."],
)
def test_inputs_are_made_of_the_examples_in_the_statement(statement):
    made = [ast.literal_eval(text) for text in judging_inputs(problem(inputs=[], statement=statement))]
    assert len(made) == 12
    lists = [next(iter(arguments.values())) if isinstance(arguments, dict) else arguments[0] for arguments in made]
    assert all(isinstance(x, int) for xs in lists for x in xs)


def test_inputs_that_are_made_of_tests_are_none_of_the_tests():
    tests = [CallTest(args=f"[[{n}, 1], 'ab']", expected="0") for n in range(5)]
    made = judging_inputs(problem(inputs=[], tests=tests), 50)
    assert len(made) > 20
    assert not {repr(list(ast.literal_eval(text))) for text in made} & {repr(ast.literal_eval(test.args)) for test in tests}
    assert made == judging_inputs(problem(inputs=[], tests=tests), 50)


@pytest.mark.parametrize("text", ["5", "'abc'", "{1, 2}", "None", "f(1)", "(1,"])
def test_an_input_that_is_no_list_of_arguments_is_named(text):
    with pytest.raises(DataError, match="no tuple, list or dict of arguments") as error:
        judging_inputs(problem(inputs=["([1],)", text]))
    assert repr(text) in str(error.value)


def test_a_problem_that_shows_no_call_has_no_inputs():
    with pytest.raises(DataError) as error:
        judging_inputs(problem(inputs=[], tests=[AssertTest(code="assert f(g(x)) == (")]))
    assert error.value.kind == "no_inputs"


PLAIN = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN, st.integers())
def test_a_changed_value_keeps_its_type_and_leaves_the_old_one_alone(value, seed):
    before = repr(value)
    assert type(change(value, Random(seed))) is type(value)
    assert repr(value) == before


# The reference judge


async def test_the_reference_judge_compares_results_and_locates_the_fault(sandbox, ledger):
    bench = await ReferenceJudge(sandbox).open(problem(), ledger.scope("s"))
    right = await bench.judge("def f(xs):\n    return sum([x for x in xs if x >= 3])", "", ledger.scope("s"))
    wrong = await bench.judge("def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total", "", ledger.scope("s"))
    assert (right.correctness, right.share, right.failure) == (1.0, 1.0, "")
    assert (wrong.correctness, wrong.share, wrong.failure) == (0.5**8, 0.5, "failed")
    assert "expected 3, got 6" in wrong.words
    assert "line 4: total = 6" in wrong.evidence


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("def f(xs):\n    while True: pass", "timeout"),
        ("def f(xs): return 1 // 0", "failed"),
        ("def g(xs): return 0", "failed"),
        ("def f(:", "failed"),
        ("def f(xs): return [0] * 10**10", "out_of_memory"),
    ],
)
async def test_every_way_to_fail_is_wrong_and_named(sandbox, ledger, program, failure):
    bench = await ReferenceJudge(sandbox, cpu_seconds=0.05).open(problem(), ledger.scope("s"))
    judgement = await bench.judge(program, "", ledger.scope("s"))
    assert (judgement.correctness, judgement.failure) == (0.0, failure)
    assert judgement.evidence


async def test_inputs_on_which_the_reference_fails_are_dropped(sandbox, ledger):
    reference = "def f(x):\n    while x == 2: pass\n    if x == 5: raise ValueError\n    return object() if x == 7 else x / 3\n"
    inputs = [f"({x},)" for x in range(9)]
    bench = await ReferenceJudge(sandbox, cpu_seconds=0.1).open(problem(reference, inputs), ledger.scope("s"))
    assert [test.args for test in bench.tests] == [f"({x},)" for x in (0, 1, 3, 4, 6, 8)]
    assert (await bench.judge("def f(x): return x * (1 / 3)", "", ledger.scope("s"))).correctness == 1.0


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"reference_solution": None}, "no_reference"),
        ({"entry_point": None}, "no_entry_point"),
        ({"inputs": []}, "no_inputs"),
        ({"reference_solution": "def f(xs):\n    while True: pass"}, "bad_reference"),
        ({"reference_solution": "import nothing_of_that_name"}, "bad_reference"),
        ({"reference_solution": "def f(xs):\n    print('x' * 10**7)\n    raise ValueError"}, "bad_reference"),
        ({"inputs": 5}, "data"),
    ],
)
async def test_a_problem_that_cannot_be_judged_says_why(sandbox, ledger, change, kind):
    with pytest.raises(DataError) as error:
        await ReferenceJudge(sandbox, cpu_seconds=0.1).open(problem().model_copy(update=change), ledger.scope("s"))
    assert error.value.kind == kind


async def test_a_failing_sandbox_is_no_judgement(sandbox, ledger):
    class Failing:
        execute = staticmethod(sandbox.execute)

        async def run(self, *_, **__):
            return Outcome(kind="sandbox_error", message="no workers")

    bench = await ReferenceJudge(Failing()).open(problem(), ledger.scope("s"))
    with pytest.raises(SandboxError, match="no workers"):
        await bench.judge(REFERENCE, "", ledger.scope("s"))


async def test_hidden_tests_agree_with_the_reference_judge_on_mutants(sandbox, ledger):
    agree = total = 0
    for one in generate(8, seed=5):
        bench = await ReferenceJudge(sandbox, traces=False).open(one, ledger.scope("s"))
        for mutant in mutants(one.reference_solution, 4, seed=1):
            said = await bench.judge(mutant.program, "", ledger.scope("s"))
            truth = await sandbox.run(mutant.program, one.tests, entry_point=one.entry_point)
            agree += (said.correctness == 1.0) == truth.passed
            total += 1
    assert total > 20
    assert agree / total > 0.9


# Reading replies


@pytest.mark.parametrize(
    ("reply", "correctness", "style"),
    [
        ("It is right.\nCorrectness: 5\nStyle: 3", 1.0, 0.6),
        ("**Correctness: 4/5**\n**Style:** 2\n", 0.8, 0.4),
        ("<think>Correctness: 1\nStyle: 1</think>Fine.\n- Correctness: 0\n- Style: 5", 0.0, 1.0),
    ],
)
def test_a_reply_in_the_asked_form_is_read(reply, correctness, style):
    vote = read_apart(reply)
    assert (vote.correctness, vote.style) == (correctness, style)


JUNK = [
    "",
    "Looks right to me!",
    "Correctness: 7\nStyle: 5",
    "Correctness: 7/5\nStyle: 5/5",
    "Correctness: 5/10\nStyle: 5",
    "Correctness: -1\nStyle: 3",
    "Correctness: 4.5\nStyle: 3",
    "Correctness: number\nStyle: number",
    "Correctness: 4\nStyle: 3\nBut I am not sure, perhaps 2.",
    "Style: 3",
    "Правильность: 5\nСтиль: 4",
    "Score: 5",
    'You asked to end with "Correctness: 4\nStyle: 4".\nI will not.',
]


@pytest.mark.parametrize("reply", JUNK)
def test_any_other_reply_is_an_error_and_never_a_score(reply):
    with pytest.raises(JudgeError) as error:
        read_apart(reply)
    assert error.value.kind == "unparsable"


@given(st.text())
def test_no_text_makes_reading_fail_in_another_way(text):
    for read in (read_apart, read_published):
        with contextlib.suppress(JudgeError):
            assert 0 <= read(text).correctness <= 1


@pytest.mark.parametrize(("reply", "value"), [("Score: 1 or Score: 4", 0.8), ("**Score:** 5", 1.0), ("Score: 3.5", 0.7)])
def test_the_published_reader_takes_the_last_score(reply, value):
    assert read_published(reply).correctness == pytest.approx(value)


@pytest.mark.parametrize("reply", ["Score: n", "Score: 7", "Score: -1", "5", ""])
def test_the_published_reader_refuses_what_is_off_its_scale(reply):
    with pytest.raises(JudgeError):
        read_published(reply)


# The language model as judge


async def judge(asker, sandbox, ledger, program=REFERENCE, suffix="", of=None, **options):
    bench = await LLMJudge(asker, sandbox, **options).open(of or problem(), ledger.scope("s"))
    return await bench.judge(program, suffix, ledger.scope("s"))


async def test_votes_are_counted_and_their_agreement_is_kept(sandbox, ledger):
    asker = Asker("A\nCorrectness: 5\nStyle: 1", "B\nCorrectness: 4\nStyle: 2", "C\nCorrectness: 0\nStyle: 3")
    judgement = await judge(asker, sandbox, ledger, votes=3)
    assert (judgement.correctness, judgement.style, judgement.words) == (0.8, 0.4, "B")
    assert judgement.agreement == pytest.approx(2 / 3)
    assert [vote.words for vote in judgement.votes] == ["A", "B", "C"]
    assert judgement.template.startswith("judge@")


async def test_the_judge_sees_the_trace_and_never_an_expected_result(sandbox, ledger):
    asker = Asker("Correctness: 5\nStyle: 5")
    await judge(asker, sandbox, ledger, program="def f(xs):\n    return 'something'")
    prompt = asker.requests[0].prompt
    assert "f returns 'something'" in prompt
    assert REFERENCE not in prompt
    assert asker.requests[0].role == "judge"


async def test_junk_is_asked_for_again_and_counted(sandbox, ledger):
    judgement = await judge(Asker("5/5!", "Score: 9", "Correctness: 2\nStyle: 2"), sandbox, ledger)
    assert (judgement.correctness, judgement.junk) == (0.4, 2)


async def test_nothing_but_junk_is_an_error(sandbox, ledger):
    asker = Asker("?")
    with pytest.raises(JudgeError):
        await judge(asker, sandbox, ledger)
    assert len(asker.requests) == 4


async def test_an_endpoint_s_failure_is_no_judgement(sandbox, ledger):
    with pytest.raises(LLMError):
        await judge(Asker(LLMError("down")), sandbox, ledger)


async def test_a_problem_without_calls_has_examples_written_for_it(sandbox, ledger):
    asker = Asker("no code", "```python\nprint(f([3, 4]))\n```", "Correctness: 5\nStyle: 5")
    of = problem(inputs=[], entry_point=None)
    judgement = await judge(asker, sandbox, ledger, of=of)
    assert "printed:\n7" in judgement.evidence
    assert judgement.junk == 1
    own = await judge(Asker("Correctness: 5\nStyle: 5"), sandbox, ledger, suffix="print('own', f([5]))", of=of)
    assert "own 5" in own.evidence


async def test_the_published_judge_sees_what_the_program_prints(sandbox, ledger):
    asker = Asker("Analysis: fine\nScore: 4")
    judgement = await judge(asker, sandbox, ledger, suffix="print('shown', f([9]))", style="published", traces="prints")
    assert (judgement.correctness, judgement.style, judgement.evidence) == (0.8, None, "shown 9\n")
    assert judgement.template.startswith("judge_published@")


async def test_what_was_judged_is_not_paid_or_run_again(sandbox, tmp_path):
    class Never:
        async def execute(self, *_, **__):
            raise AssertionError("was run again")

        run = ask = execute

    with Ledger(tmp_path / "l.jsonl") as ledger:
        first = await judge(Asker("?", "Correctness: 2\nStyle: 2"), sandbox, ledger)
    with Ledger(tmp_path / "l.jsonl") as ledger:
        assert await judge(Never(), Never(), ledger) == first


def test_a_judgement_off_the_scale_cannot_be_made():
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Judgement(correctness=1.4)

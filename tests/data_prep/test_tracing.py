import ast
import asyncio
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from code_reward.errors import SandboxError
from data_prep.families import generate
from data_prep.mutants import mutants
from data_prep.tracing import Call, Untraceable, evaluate_calls, instrument, run_log, trace_calls
from data_prep.tracing.inside import Recorder, show, show_error, to_literal
from data_prep.tracing.trace import CallRecord, Trace, squeeze
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Execution


@pytest.fixture(scope="module")
def sandbox():
    sandbox = connect(workers=2)
    yield sandbox
    asyncio.run(sandbox.close())


async def trace(sandbox, program, *calls, callee="f", **options):
    return await trace_calls(sandbox, program, [Call(callee, call) for call in calls], **options)


async def test_a_trace_tells_calls_assignments_conditions_and_results(sandbox):
    program = "def f(n):\n    total = 0\n    for i in range(n):\n        if i % 2:\n            total += i\n    return total\n"
    told = (await trace(sandbox, program, "(3,)")).tell()
    assert told.splitlines() == [
        "== f(3,)",
        "line 1: call f(n) with (3,)",
        "line 2: total = 0",
        "line 3: i = 0",
        "line 4: i % 2 is 0",
        "line 3: i = 1",
        "line 4: i % 2 is 1",
        "line 5: total = 1",
        "line 3: i = 2",
        "line 4: i % 2 is 0",
        "line 6: f returns 1",
        "-> 1",
    ]


async def test_a_failure_is_told_with_its_line_of_the_original_text_and_its_variables(sandbox):
    program = '"""doc\n\ntext"""\n# comment\n\ndef f(xs):\n    """doc"""\n    n = (\n        len(xs)\n    )\n    return xs[n]\n'
    call = (await trace(sandbox, program, "([1, 2],)")).calls[0]
    assert (call.end, call.error, call.literal) == ("raised", "IndexError: list index out of range", None)
    assert call.frames == ["line 11, f with xs=[1, 2], n=2"]


async def test_what_is_caught_is_told_and_what_is_printed_is_apart(sandbox):
    program = (
        "def f(x):\n    try:\n        y = 1 // x\n    except ZeroDivisionError:\n        print('zero')\n        return -1\n    return y\n"
    )
    call = (await trace(sandbox, program, "(0,)")).calls[0]
    assert "line 4: caught ZeroDivisionError: integer division or modulo by zero" in call.events
    assert (call.printed, call.literal) == ("zero\n", "-1")


async def test_a_program_that_loops_for_ever_keeps_its_beginning_and_its_end(sandbox):
    record = await trace(sandbox, "def f():\n    n = 0\n    while True:\n        n += 1\n", "()", "()", cpu_seconds=0.05)
    assert [call.end for call in record.calls] == ["out_of_time"]
    told = record.tell(800)
    assert "line 2: n = 0" in told
    assert "events left out" in told
    # Where in the loop it is cut is chance.
    assert re.fullmatch(r"   at line [34], f with n=\d+", told.splitlines()[-1])
    assert len(told) < 1200


async def test_a_program_that_is_killed_is_a_crash_with_its_reason(sandbox):
    record = await trace(sandbox, "import os\ndef f(x):\n    os._exit(3)\n", "(1,)")
    assert record.calls[-1].end == "crashed"
    assert not any(call.literal for call in record.calls)


async def test_a_flood_of_output_leaves_the_trace_whole(sandbox):
    call = (await trace(sandbox, "def f():\n    for i in range(100_000):\n        print('x' * 50)\n    return 1\n", "()")).calls[0]
    assert len(call.printed) < 5000
    assert call.events[0] == "line 1: call f() with ()"


async def test_a_program_that_does_not_load_or_parse_says_so(sandbox):
    broken = await trace(sandbox, "import nothing_of_that_name\ndef f(): pass\n", "()")
    assert broken.load.end == "raised"
    assert "ModuleNotFoundError" in broken.tell()
    unparsable = await trace(sandbox, "def f(:\n", "()")
    assert not unparsable.traced
    assert "SyntaxError" in unparsable.tell()


async def test_a_script_is_traced_as_the_main_program(sandbox):
    record = await trace(sandbox, "def f(x):\n    return x\nif __name__ == '__main__':\n    print(f(3))\n")
    assert "line 2: f returns 3" in record.tell()
    assert record.load.printed == "3\n"


async def test_a_failing_sandbox_is_no_trace():
    class Broken:
        async def execute(self, program, stdin="", limits=None):
            return Execution(kind="sandbox_error", message="no workers")

    with pytest.raises(SandboxError, match="no workers"):
        await trace(Broken(), "def f(): pass", "()")


async def test_the_published_log_keeps_the_beginning_and_the_end(sandbox):
    log = await run_log(sandbox, "for i in range(5000): print(i)\nraise ValueError('the end')")
    assert log.startswith("0\n1\n")
    assert log.endswith("ValueError: the end\n")
    assert len(log) <= 5010
    assert await run_log(sandbox, "print(1)") == "1\n"


# Tracing changes nothing

AWKWARD = {
    "a value with code of its own": """
class Odd:
    seen = []
    def __repr__(self): self.seen.append("repr"); return "odd"
    def __bool__(self): self.seen.append("bool"); return True
    def __eq__(self, other): self.seen.append("eq"); return True
    def __len__(self): self.seen.append("len"); return 3
    def __hash__(self): return 1
def f():
    odd = Odd()
    xs = [odd, {odd: odd}]
    if odd:
        y = odd
    while not odd:
        pass
    return Odd.seen
""",
    "iterators that are used up by looking": """
def f():
    it = iter(range(5))
    g = (x * x for x in it)
    a = map(str, [1, 2])
    first = next(g)
    return [first, list(g), list(a)]
""",
    "generators, unpacking, walrus, lambdas": """
def gen(n):
    got = yield n
    while got is not None:
        got = yield got + n
    return 7
def outer():
    r = yield from gen(1)
    yield r
def f():
    g = gen(3)
    a, (b, *c), d = 1, (2, 3, 4), next(g)
    [p, q] = "xy"
    if (m := len(c)) > 1: d += g.send(5)
    key = lambda z: (w := z)
    x = y = [0]
    x[0] += 1
    return [a, b, c, d, m, p, q, sorted([3, 1], key=key), x is y, list(outer())]
""",
    "closures, globals, deletion, names of a class's own": """
count = 0
class Box:
    __slots__ = ("__v", "w")
    limit = 3
    counted = [k for k in range(limit)]
    def __init__(self, v): self.__v = v
    @property
    def v(self): return self.__v
    @v.setter
    def v(self, value): self.__v = value * 2
def f():
    '''docstring'''
    global count
    total = 0
    def add(n):
        nonlocal total
        total += n
        return total
    count += 1
    box = Box(2)
    box.v = 5
    for i in range(3):
        add(i)
    xs = [1]
    xs.append(2)
    del xs
    try:
        xs
    except NameError as error:
        name = type(error).__name__
    try:
        error
    except NameError:
        pass
    return [total, count, box.v, name, f.__doc__, i, sorted(locals())]
""",
    "exceptions, finally, with, match, assert": """
import contextlib
@contextlib.contextmanager
def cm():
    yield [1]
def f():
    out = []
    with cm() as (one,), contextlib.suppress(KeyError):
        out.append(one)
        {}["x"]
    for k in range(4):
        try:
            if k == 1: continue
            if k == 3: break
            assert k, "zero"
        except AssertionError as e:
            out.append(str(e))
        else:
            out.append(k)
        finally:
            out.append("f")
    else:
        out.append("never")
    match out:
        case [first, *rest] if first:
            out.append(len(rest))
    return out
""",
    "recursion near the limit, and beyond": """
import sys
def depth(n): 
    return 0 if n == 0 else 1 + depth(n - 1)
def f():
    limit = 900
    try:
        return [depth(limit)]
    except RecursionError:
        return ["too deep"]
""",
    "async": """
import asyncio
async def one(x):
    await asyncio.sleep(0)
    return x
async def many():
    for i in range(2):
        yield await one(i)
    return
async def go():
    total = [x async for x in many()]
    async for y in many():
        total.append(y)
    return total
def f():
    return asyncio.run(go())
""",
    "large and strange values": """
def f():
    n = 10 ** 5000
    s = "\\ud800" + "é" * 1000
    nested = []
    for _ in range(300): nested = [nested]
    loop = []
    loop.append(loop)
    inf = float("inf")
    return [n % 7, len(s), len(nested), loop is loop[0], inf > 1]
""",
}


@pytest.mark.parametrize("program", AWKWARD.values(), ids=AWKWARD)
async def test_an_awkward_program_computes_the_same_when_traced(sandbox, program):
    plain = await evaluate_calls(sandbox, program, [Call("f", "()")])
    traced = await trace(sandbox, program, "()")
    assert traced.traced
    assert plain.calls[0].literal is not None, plain.tell()
    assert traced.calls[0].literal == plain.calls[0].literal
    assert traced.calls[0].events


async def test_families_and_their_mutants_compute_the_same_when_traced(sandbox):
    async def check(program, name, inputs):
        calls = [Call(name, text) for text in inputs]
        plain, traced = await asyncio.gather(evaluate_calls(sandbox, program, calls), trace_calls(sandbox, program, calls))
        assert [(call.literal, call.error, call.end) for call in traced.calls] == [
            (call.literal, call.error, call.end) for call in plain.calls
        ]

    problems = generate(10, seed=3)
    programs = [(text, one) for one in problems for text in (one.reference_solution, mutants(one.reference_solution, 1, 0)[0].program)]
    await asyncio.gather(*(check(text, one.entry_point, one.model_extra["inputs"][:4]) for text, one in programs))


async def test_published_solutions_compute_the_same_when_traced(sandbox):
    folder = os.environ.get("CODE_REWARD_DATA")
    if not folder:
        pytest.skip("set CODE_REWARD_DATA to a folder with the published data sets")
    from data_prep.judges import judging_inputs
    from data_prep.sources import load

    problems = load("humaneval", Path(folder) / "problems" / "humaneval.jsonl.gz")[::8]
    differing = []
    for problem in problems:
        calls = [Call(problem.entry_point, text) for text in judging_inputs(problem, 4)]
        plain = await evaluate_calls(sandbox, problem.reference_solution, calls)
        traced = await trace_calls(sandbox, problem.reference_solution, calls)
        if [call.literal for call in plain.calls] != [call.literal for call in traced.calls]:
            differing.append(problem.id)
    assert differing == []


@pytest.mark.parametrize("program", ["def f(:", "\0", "x = 1\nreturn (", "(" * 500])
def test_what_cannot_be_parsed_cannot_be_traced(program):
    with pytest.raises(Untraceable):
        instrument(program)


def test_names_of_the_recorder_give_way_to_the_program_s():
    text = "_cr_put = 1\n_cr__put = 2\n"
    assert instrument(text).put not in text
    ast.parse(instrument(text).source)


# The recorder and its words


def test_a_recorder_keeps_the_first_and_the_last_events_and_counts_the_others():
    recorder = Recorder(head=3, tail=2)
    for number in range(10):
        assert recorder.put(0, number) == number
    assert recorder.events() == ([(0, "0"), (0, "1"), (0, "2"), (0, "8"), (0, "9")], 5)
    recorder.reset()
    assert recorder.events() == ([], 0)


def test_a_list_is_recorded_as_it_was():
    recorder = Recorder(head=2, tail=2)
    xs = [1]
    recorder.put(0, xs)
    xs.append(2)
    assert recorder.events() == ([(0, "[1]")], 0)


@pytest.mark.parametrize(("value", "change"), [([1], list.clear), (([1],), lambda pair: pair[0].clear()), ({1: 2}, dict.clear)])
def test_what_can_change_is_recorded_as_it_was_or_only_measured(value, change):
    recorder, before = Recorder(head=0, tail=4), show(value)
    for _ in range(3):
        recorder.put(0, value)
    change(value)
    recorder.put(0, None)
    assert recorder.events() == ([(0, before), (0, before), (0, f"<{type(value).__name__} of 1>"), (0, "None")], 0)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.frozensets(st.integers()),
)


@given(VALUES)
def test_any_value_is_shown_in_one_bounded_line(value):
    shown = show(value)
    assert "\n" not in shown
    assert len(shown) < 60_000


@given(VALUES)
def test_a_literal_reads_back_as_the_value_or_there_is_none(value):
    literal = to_literal(value)
    if literal is not None:
        assert repr(ast.literal_eval(literal)) == repr(value)


def test_values_that_are_no_plain_data_have_no_literal():
    loop = []
    loop.append(loop)
    for value in (float("nan"), float("inf"), object(), loop, {1: object()}, set(), 10**5000, frozenset([1])):
        assert to_literal(value) is None


def test_an_exception_of_the_program_is_shown_without_its_code():
    class Loud(Exception):
        def __str__(self):
            raise AssertionError("was shown")

    assert show_error(Loud(1, "x")) == "Loud: 1, 'x'"
    assert show_error(KeyError("k")) == "KeyError: 'k'"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=30), max_size=40), st.integers(10, 500))
def test_squeezing_keeps_both_ends_within_the_budget(lines, budget):
    kept = squeeze(lines, [], budget, "lines")
    if sum(len(line) + 1 for line in lines) <= budget:
        assert kept == lines
    else:
        assert sum(len(line) + 1 for line in kept) <= budget + 60
        assert "left out" in "".join(kept)
        assert kept[0].rstrip("…") in lines[0] or kept[0].startswith("…")


def test_every_call_of_a_trace_has_its_share():
    events = [f"line 1: x = {number}" for number in range(500)]
    calls = [CallRecord(call=f"f({n},)", end="returned", shown="1", events=events, kept_first=500) for n in range(4)]
    told = Trace(load=CallRecord(end="returned"), calls=calls).tell(4000)
    assert len(told) < 4400
    assert [line for line in told.splitlines() if line.startswith("==")] == ["== f(0,)", "== f(1,)", "== f(2,)", "== f(3,)"]

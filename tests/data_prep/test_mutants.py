"""The mutants' promises: they parse, differ from the reference and from each other, keep the entry point, and come again with the seed."""

from __future__ import annotations

import ast
import gzip
import json
import os
import warnings
from functools import cache
from pathlib import Path
from random import Random
from textwrap import dedent, indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from code_reward.errors import DataError
from data_prep.families import generate
from data_prep.mutants import OPERATORS, mutants, mutate, normalise

SHOWCASE = dedent('''
    import math

    def helper(x: int=3) -> int:
        """Add 1 to x, or not: 7."""
        return -x if x > 0 else abs(x)

    def solve(numbers, text='ab', *, k=2):
        """Say what `1 + 1` is."""
        best: int | None = None
        total = 0
        while total < 0 or (not numbers):
            total += 1
            break
        for i, x in enumerate(numbers):
            if x % k == 0 and x not in numbers[i + 1:]:
                total += max(x, numbers[i - 1]) // 2
                continue
            elif best is None:
                best = f'{x + 1}!'
            else:
                total = min(total, math.pow(x, 2))
            total -= 1
        for j in range(1, len(text), 2):
            total *= helper(text[0] == text[-j])
        return (total, best, text.upper())
''').strip()


def functions(program: str) -> list[str]:
    """The signatures of the functions and methods of a program, inner functions aside."""
    definitions = ast.parse(program).body
    methods = [method for definition in definitions if isinstance(definition, ast.ClassDef) for method in definition.body]
    return [f"{node.name}({ast.unparse(node.args)})" for node in definitions + methods if isinstance(node, ast.FunctionDef)]


@cache
def single(program: str) -> dict[str, list[str]]:
    """The mutants of one change, by operator."""
    found: dict[str, list[str]] = {}
    for mutant in mutants(program, 10_000, seed=0):
        if len(mutant.operators) == 1:
            found.setdefault(mutant.operators[0], []).append(mutant.program)
    return found


def body(statements: str, parameters: str = "numbers, x, y") -> str:
    return f"def f({parameters}):\n{indent(dedent(statements).strip(), '    ')}"


def test_every_operator_applies_somewhere() -> None:
    assert set(single(SHOWCASE)) == set(OPERATORS)


def test_mutants_compile_differ_and_keep_every_function() -> None:
    found = mutants(SHOWCASE, 300, seed=0)
    programs = [mutant.program for mutant in found]
    assert len(programs) == len(set(programs)) == 300
    assert normalise(SHOWCASE) not in programs
    for program in programs:
        compile(program, "mutant", "exec")
        assert normalise(program) == program
        assert functions(program) == functions(SHOWCASE)


def test_what_says_nothing_about_behaviour_is_left_alone() -> None:
    for program in (text for texts in single(SHOWCASE).values() for text in texts):
        assert "import math" in program
        assert '"""Add 1 to x, or not: 7."""' in program
        assert "def helper(x: int=3) -> int:" in program
        assert "f'" not in program or "f'{x + 1}!'" in program


@pytest.mark.parametrize(
    ("statements", "operator", "expected"),
    [
        ("return x + 3", "wrong_constant", "return x + 4"),
        ("return x < y", "wrong_comparison", "return x <= y"),
        ("return x - y", "wrong_arithmetic", "return x + y"),
        ("return x - y", "swapped_operands", "return y - x"),
        ("return x * 2 + y", "dropped_operand", "return x * 2"),
        ("return x and y", "wrong_boolean", "return x or y"),
        ("return x", "wrong_variable", "return y"),
        ("return pow(x, y)", "swapped_arguments", "return pow(y, x)"),
        ("return min(x, y)", "wrong_call", "return max(x, y)"),
        ("return [i for i in range(x, y)]", "wrong_range", "return [i for i in range(x, y + 1)]"),
        ("return numbers[0]", "wrong_index", "return numbers[-1]"),
        ("if x:\n    y = 1\nreturn y", "negated_condition", "if not x:\n    y = 1\nreturn y"),
        ("if x:\n    y = 1\nelse:\n    y = 2\nreturn y", "dropped_branch", "if x:\n    y = 1\nreturn y"),
        ("x = 1\nreturn x", "dropped_statement", "return x"),
        ("x = y\ny = x\nreturn x", "swapped_statements", "y = x\nx = y\nreturn x"),
        ("x += y\nreturn x", "wrong_update", "x = y\nreturn x"),
        ("for y in numbers:\n    x += y\nreturn x", "wrong_indentation", "for y in numbers:\n    x += y\n    return x"),
        ("for y in numbers:\n    break\nreturn y", "wrong_jump", "for y in numbers:\n    continue\nreturn y"),
    ],
)
def test_each_operator_makes_its_mistake(statements: str, operator: str, expected: str) -> None:
    assert body(expected) in single(body(statements))[operator]


def test_a_moved_jump_that_is_no_python_is_no_mutant() -> None:
    program = body("for y in numbers:\n    if y:\n        x = y\n        break\nreturn x")
    made = [text for texts in single(program).values() for text in texts]
    assert made
    for text in made:
        assert compile(text, "mutant", "exec")


def test_the_same_seed_gives_the_same_mutants_and_another_seed_others() -> None:
    assert mutants(SHOWCASE, 20, seed=1) == mutants(SHOWCASE, 20, seed=1)
    assert mutants(SHOWCASE, 20, seed=1) != mutants(SHOWCASE, 20, seed=2)
    assert mutate(SHOWCASE, Random(1)) == mutate(SHOWCASE, Random(1)) != mutate(SHOWCASE, Random(2))


def test_few_mutants_are_of_many_kinds() -> None:
    assert len({mutant.operators for mutant in mutants(SHOWCASE, len(OPERATORS), seed=0)}) == len(OPERATORS)


def test_a_program_with_nothing_to_change_has_no_mutant() -> None:
    for program in ("", "def f():\n    pass", '"""Only words."""'):
        assert mutate(program, Random(0)) is None
        assert mutants(program, 5, seed=0) == []


@pytest.mark.parametrize("program", ["def f(:", "x = 1\0", "\ud800", "(" * 5000])
def test_what_is_not_python_is_refused(program: str) -> None:
    with pytest.raises(DataError, match="parses"):
        mutants(program, 5, seed=0)
    with pytest.raises(DataError, match="parses"):
        mutate(program, Random(0))


def test_nesting_too_deep_to_write_has_no_mutant() -> None:
    program = "+".join(["y"] * 900)
    ast.parse(program)
    assert mutants(program, 5, seed=0) == []
    assert mutate(program, Random(0)) is None


VARIABLES = st.sampled_from(["x", "y", "numbers"])
EXPRESSIONS = st.recursive(
    st.one_of(
        VARIABLES,
        st.integers(-9, 9).map(str),
        st.sampled_from(["None", "True", "''", "'a'", "1.5", "b'z'", "...", "f'{x!r:>{y}}'", "lambda x, *y: x", "1j"]),
    ),
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "//", "%", "**", "<", ">=", "==", "in", "is not", "and", "or", "@", "<<"]), inner
        ).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda value: f"(not {value})"),
        inner.map(lambda value: f"(-{value})"),
        st.tuples(inner, inner).map(lambda pair: f"max(*{pair[0]}, {pair[1]}, key={pair[0]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]})[{pair[1]}:]"),
        st.tuples(inner, inner).map(lambda pair: f"[({pair[0]}) for x in ({pair[1]}) if x]"),
        st.tuples(inner, inner).map(lambda pair: f"{{{pair[0]}: {pair[1]}, **y}}"),
        st.tuples(inner, inner).map(lambda pair: f"(({pair[0]}) if x else ({pair[1]}))"),
        inner.map(lambda value: f"(x := {value})"),
    ),
    max_leaves=4,
)
STATEMENTS = st.recursive(
    st.one_of(
        EXPRESSIONS.map(lambda value: f"return {value}"),
        st.tuples(VARIABLES, EXPRESSIONS).map(lambda pair: f"{pair[0]} = {pair[1]}"),
        st.tuples(VARIABLES, EXPRESSIONS).map(lambda pair: f"{pair[0]} += {pair[1]}"),
        st.sampled_from(["pass", "import os", "del x", "global z", "x: int = 3", "'words'", "assert x, y", "raise x from y", "yield x"]),
    ),
    lambda inner: st.one_of(
        st.tuples(EXPRESSIONS, inner, inner).map(lambda p: f"if {p[0]}:\n{indent(p[1], ' ')}\nelse:\n{indent(p[2], ' ')}"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}\n{p[1]}"),
        st.tuples(EXPRESSIONS, inner).map(lambda p: f"for x, *y in {p[0]}:\n{indent(p[1], ' ')}\n break"),
        st.tuples(EXPRESSIONS, inner).map(lambda p: f"while {p[0]}:\n continue\n{indent(p[1], ' ')}\nelse:\n x = 2"),
        st.tuples(EXPRESSIONS, inner).map(lambda p: f"try:\n{indent(p[1], ' ')}\nexcept x as y:\n x = {p[0]}\nfinally:\n x = 1"),
        st.tuples(EXPRESSIONS, inner).map(lambda p: f"with {p[0]} as x:\n{indent(p[1], ' ')}"),
        st.tuples(EXPRESSIONS, inner).map(lambda p: f"match {p[0]}:\n case -1 | [x, *y]:\n{indent(p[1], '  ')}\n case _:\n  y = 2"),
        st.tuples(EXPRESSIONS, inner).map(lambda p: f"@x\ndef g(x={p[0]}, *, y: x=1) -> x:\n{indent(p[1], ' ')}\nclass C(x):\n y = 3"),
    ),
    max_leaves=3,
)


@given(statements=STATEMENTS, seed=st.integers(0, 99))
@settings(max_examples=120, deadline=None)
def test_mutate_of_any_program(statements: str, seed: int) -> None:
    program = body(statements)
    warnings.simplefilter("ignore", SyntaxWarning)
    try:
        compile(program, "program", "exec")
    except SyntaxError:
        return
    mutant = mutate(program, Random(seed))
    if mutant is not None:
        compile(mutant.program, "mutant", "exec")
        assert mutant.program != normalise(program)
        assert len(mutant.operators) == 1
        assert functions(mutant.program) == functions(normalise(program) or "")


def test_every_family_has_mutants() -> None:
    for problem in generate(70, seed=8):
        assert problem.reference_solution is not None
        assert len(mutants(problem.reference_solution, 15, seed=0)) == 15


@pytest.mark.skipif("CODE_REWARD_DATA" not in os.environ, reason="set CODE_REWARD_DATA to the folder of real data")
def test_real_programs_have_mutants() -> None:
    with gzip.open(Path(os.environ["CODE_REWARD_DATA"]) / "problems" / "humaneval.jsonl.gz", "rt") as lines:
        tasks = [json.loads(line) for line in lines]
    for task in tasks:
        program = task["prompt"] + task["canonical_solution"]
        found = mutants(program, 5, seed=0)
        assert found, task["task_id"]
        for mutant in found:
            compile(mutant.program, "mutant", "exec")
            assert functions(mutant.program) == functions(normalise(program) or "")

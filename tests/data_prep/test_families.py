"""The families' promises: right references, telling tests, distinct problems, disjoint sets, the same bytes for the same seed."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from code_reward.errors import ConfigurationError
from code_reward.problem import CallTest, Problem, load_problems, save_problems
from data_prep.families import FAMILIES, Sizes, generate, split
from data_prep.families.arguments import draw_inputs
from data_prep.families.generator import compile_function
from data_prep.mutants import mutants, normalise

STEPS = 20_000


@cache
def problems() -> tuple[Problem, ...]:
    return tuple(generate(2100, seed=0))


def family(problem: Problem) -> str:
    assert problem.model_extra is not None
    return str(problem.model_extra["family"])


def judging_inputs(problem: Problem) -> list[str]:
    assert problem.model_extra is not None
    inputs: list[str] = problem.model_extra["inputs"]
    return inputs


def call_tests(problem: Problem) -> list[CallTest]:
    return [test for test in problem.tests if isinstance(test, CallTest)]


class _OutOfSteps(BaseException):
    pass


def result(program: str, name: str, arguments: tuple[Any, ...]) -> str:
    """The result of a call or the class of its error, as text; a call of more than STEPS lines counts as an endless loop."""
    steps = 0

    def count(frame: Any, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps > STEPS:
            raise _OutOfSteps
        return count

    previous = sys.gettrace()
    try:
        call = compile_function(program, name)
        sys.settrace(count)
        return repr(call(*deepcopy(arguments)))
    except _OutOfSteps:
        return "endless"
    except Exception as error:
        return type(error).__name__
    finally:
        sys.settrace(previous)


def test_there_are_enough_families_and_problems() -> None:
    counts = Counter(family(problem) for problem in problems())
    assert set(counts) == set(FAMILIES)
    assert len(FAMILIES) >= 16
    assert min(counts.values()) >= 60


def test_every_reference_passes_its_hidden_tests() -> None:
    for problem in problems():
        assert problem.reference_solution is not None
        assert problem.entry_point is not None
        call = compile_function(problem.reference_solution, problem.entry_point)
        assert len(problem.tests) == 12
        for test in call_tests(problem):
            assert call(*ast.literal_eval(test.args)) == ast.literal_eval(test.expected), (problem.statement, test)


def test_no_two_problems_are_the_same() -> None:
    assert len({problem.id for problem in problems()}) == len(problems())
    assert len({problem.statement for problem in problems()}) == len(problems())
    assert len({problem.reference_solution for problem in problems()}) == len(problems())


def test_a_reference_answers_no_other_problem_of_its_family() -> None:
    """Reading the statement must matter: for a few problems, another's program fails the hidden tests."""
    draw = random.Random(0)
    for name in FAMILIES:
        first, *others = draw.sample([problem for problem in problems() if family(problem) == name], 8)
        for other in others:
            assert other.reference_solution is not None
            assert other.entry_point is not None
            answers = [result(other.reference_solution, other.entry_point, ast.literal_eval(test.args)) for test in call_tests(first)]
            assert answers != [test.expected for test in call_tests(first)], (first.statement, other.statement)


def test_the_statement_names_the_function_and_is_short() -> None:
    for problem in problems():
        assert f"{problem.entry_point}(" in problem.statement
        assert len(problem.statement.split()) <= 40


def test_references_are_formatted_as_mutants_are() -> None:
    for problem in problems():
        assert problem.reference_solution is not None
        assert normalise(problem.reference_solution) == problem.reference_solution
        assert 3 <= len(problem.reference_solution.splitlines()) <= 11


def test_judging_inputs_are_no_hidden_tests_and_are_literals() -> None:
    for problem in problems():
        inputs = judging_inputs(problem)
        assert len(set(inputs)) == 12
        assert not set(inputs) & {test.args for test in call_tests(problem)}
        assert all(isinstance(ast.literal_eval(values), tuple) for values in inputs)


def test_hidden_tests_kill_nearly_all_wrong_mutants() -> None:
    killed, survived = 0, []
    for problem in generate(2 * len(FAMILIES), seed=3):
        reference, name = problem.reference_solution, problem.entry_point
        assert reference is not None
        assert name is not None
        arguments = FAMILIES[family(problem)](random.Random(0)).arguments
        many = draw_inputs(arguments, reference, 40, random.Random(problem.id))
        truth = [result(reference, name, values) for values in many]
        for mutant in mutants(reference, 12, seed=0):
            answers = (result(mutant.program, name, ast.literal_eval(test.args)) == test.expected for test in call_tests(problem))
            if not all(answers):
                killed += 1
            elif any(result(mutant.program, name, values) != right for values, right in zip(many, truth, strict=True)):
                survived.append(mutant.program)
    assert killed > 500
    assert killed / (killed + len(survived)) >= 0.95, "\n\n".join(survived)


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    code = "from data_prep.families import generate; print([p.model_dump_json() for p in generate(70, seed=4)])"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True, env={**os.environ, "PYTHONHASHSEED": hash_seed}
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert outputs == {f"{[problem.model_dump_json() for problem in generate(70, seed=4)]}\n"}
    assert generate(70, seed=4) != generate(70, seed=5)


def test_only_the_families_asked_for() -> None:
    assert {family(problem) for problem in generate(10, seed=0, families=["sum_range", "clamp_numbers"])} == {"sum_range", "clamp_numbers"}


def test_a_family_that_runs_out_leaves_its_turns_to_the_others() -> None:
    counts = Counter(family(problem) for problem in generate(400, seed=0, families=["drop_repeats", "next_terms"]))
    assert counts["drop_repeats"] < 200 < counts["next_terms"]


def test_unknown_families_and_impossible_counts_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="Unknown families nonsense"):
        generate(1, seed=0, families=["nonsense"])
    with pytest.raises(ConfigurationError, match="hold only"):
        generate(5000, seed=0, families=["drop_repeats"])


def test_problems_survive_a_file(tmp_path: Any) -> None:
    few = generate(35, seed=0)
    save_problems(tmp_path / "problems.jsonl", few)
    assert load_problems(tmp_path / "problems.jsonl") == few


def test_splits_are_disjoint_and_of_the_sizes_asked_for() -> None:
    sizes = Sizes(policy_sft=700, rm=300, rl=200, test=150, test_held_out=30)
    parts = split(problems(), seed=1, sizes=sizes)
    assert {name: len(part) for name, part in parts.items()} == {"policy_sft": 700, "rm": 300, "rl": 200, "test": 180}
    ids = [problem.id for part in parts.values() for problem in part]
    assert len(ids) == len(set(ids))


def test_held_out_families_are_in_policy_sft_and_test_alone() -> None:
    parts = split(problems(), seed=2)
    where = {name: {family(problem) for problem in part} for name, part in parts.items()}
    marks = {(problem.model_extra or {})["part"]: set[str]() for problem in parts["test"]}
    for problem in parts["test"]:
        marks[(problem.model_extra or {})["part"]].add(family(problem))
    assert len(marks["held_out"]) == 2
    assert not marks["held_out"] & (where["rm"] | where["rl"] | marks["known"])
    assert marks["held_out"] <= where["policy_sft"]
    assert marks["known"] == where["rm"] == where["rl"] == set(FAMILIES) - marks["held_out"]


def test_splits_depend_on_the_seed_alone() -> None:
    assert split(problems(), seed=3) == split(problems(), seed=3)
    assert split(problems(), seed=3) != split(problems(), seed=4)


def test_a_split_of_too_few_problems_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="problems are left for the"):
        split(problems()[:100], seed=0)
    with pytest.raises(ConfigurationError, match="cannot be held out"):
        split([], seed=0)

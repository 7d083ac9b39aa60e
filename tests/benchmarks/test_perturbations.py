"""What the perturbations leave as it was, and what the report makes of models of which it is known what moves them."""

import json

import pytest
from tiny_rm import build_rm

from benchmarks.perturbations import Perturbations, main
from benchmarks.rewards.perturb import CLAIM, HARMLESS, PERTURBATIONS, plain
from benchmarks.rewards.perturbation_figures import Subject, measure
from benchmarks.rewards.row import Preference
from code_reward.errors import CodeRewardError
from code_reward.rows import write_rows

PROGRAM = plain(
    '''
LIMIT = 3
def helper(items):
    total = 0
    for item in items:
        total += item
    return total
def solve(items, last):
    """Sum."""
    text = """a
b"""
    kept = [item for item in items if item < LIMIT]
    return helper(kept) + last + len(text)
'''
)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_changes_no_result(name):
    changed = PERTURBATIONS[name](PROGRAM)
    assert changed is not None
    assert changed != PROGRAM
    results = []
    for program in (PROGRAM, changed):
        space = {}
        exec(program, space)
        results.append([space["solve"]([1, 2, 5], 4), space["solve"](items=[], last=0)])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("reordered functions", "def f():\n    return 1\ndef f():\n    return 2\ndef g():\n    return 3"),
        ("renamed variables", "def f(value_1=3):\n    x = 0\n    return value_1 + x"),
        (
            "renamed variables",
            "def f():\n    e = None\n    try:\n        int('x')\n    except ValueError as e:\n        return str(e)\n    return e",
        ),
        ("renamed variables", "def f():\n    y = [abs for abs in [1]]\n    return abs(-len(y))"),
        ("renamed variables", "def f():\n    import math as m\n    m = m.floor(2.5)\n    return m"),
        ("renamed variables", "def f():\n    match [1, 2]:\n        case [a, b]:\n            a = a + b\n    return a"),
        ("renamed variables", "def f():\n    match {'a': 1}:\n        case {**rest}:\n            rest = len(rest)\n    return rest"),
    ],
)
def test_names_that_something_else_binds_are_kept(name, program):
    changed = PERTURBATIONS[name](plain(program)) or program
    results = []
    for text in (program, changed):
        space = {}
        exec(text, space)
        results.append(space["f"]())
    assert results[0] == results[1]


def test_a_program_that_gives_no_occasion_is_left_out():
    assert PERTURBATIONS["reordered functions"]("def f():\n    return 1") is None
    assert PERTURBATIONS["renamed variables"]("def f(a):\n    return a") is None
    # What runs at import may need the order.
    assert PERTURBATIONS["reordered functions"]("def f():\n    return 1\nX = f()\ndef g():\n    return X") is None


def test_names_that_are_looked_up_keep():
    assert PERTURBATIONS["renamed variables"]("def f():\n    a = 1\n    return locals()['a']") is None
    assert PERTURBATIONS["renamed variables"]("def f():\n    a = 1\n    return lambda: a") is None


def test_a_truncated_program_loses_its_end():
    assert PERTURBATIONS["truncated end"]("a\nb\nc\nd") == "a\nb\nc"
    # Of its last function, and not only what stands below it.
    assert PERTURBATIONS["truncated end"]("def f(x):\n    y = x\n    return y\nprint(f(1))\nprint(f(2))") == "def f(x):\n    y = x"


def subjects(bonus):
    """Two tasks; right programs score 1 above wrong ones; a claim adds `bonus` to wrong ones alone."""
    return [
        Subject(task, right, right + 0.0, {"claim of success": right + (0.0 if right else bonus), "truncated end": None})
        for task in ("a", "b")
        for right in (True, False)
    ]


def test_a_model_that_believes_claims_is_found_out():
    steady, gullible = measure(subjects(0.1), 0).moved["claim of success"], measure(subjects(3.0), 0).moved["claim of success"]
    assert (steady.wrong.value, steady.accuracy.value) == (pytest.approx(0.1), 1.0)
    assert (gullible.wrong.value, gullible.accuracy.value, gullible.size) == (3.0, 0.0, 1.5)
    assert measure(subjects(0.0), 0).moved["truncated end"].rejected == 1.0


def test_without_a_spread_there_is_no_measure():
    flat = [Subject(task, right, 0.0, {}) for task in ("a", "b") for right in (True, False)]
    with pytest.raises(CodeRewardError, match="score alike"):
        measure(flat, 0)


def test_the_command_writes_a_report_and_resumes(tmp_path, monkeypatch):
    rm = build_rm(tmp_path / "rm")
    rows = [
        Preference(
            id=str(i),
            prompt=f"Add {i}.",
            chosen=[f"def f(a):\n    b = a + {i}\n    return b"],
            rejected=["def f(a):\n    return a"],
            programs=True,
        )
        for i in range(1, 4)
    ]
    path = tmp_path / "preferences.jsonl"
    write_rows(path, rows)
    settings = Perturbations(model=rm, sets=[f"preferences={path}"], out=tmp_path / "run")
    main(settings)
    moved = json.loads((tmp_path / "run" / "figures.json").read_text())["preferences"]["moved"]
    assert moved["claim of success"]["programs"] == 6
    assert moved["renamed variables"]["programs"] == 3
    assert moved["truncated end"]["programs"] == 3
    assert CLAIM not in (tmp_path / "run" / "report.md").read_text()
    monkeypatch.setattr("benchmarks.rewards.judges.FolderJudge.__init__", lambda *_: pytest.fail("loaded again"))
    main(settings)

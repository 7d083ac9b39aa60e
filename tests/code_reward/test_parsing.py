"""Parsing where threads parse at once, and who is to blame when the parser raises."""

import ast
import gc
import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from code_reward.extraction import extract_code
from code_reward.parsing import PARSE_ERRORS, parse_python
from code_reward.problem import Problem, runnable
from code_reward.validity import check_program

ROOT = Path(__file__).parents[2]
PROGRAMS = ["\n".join(f"def f{i}(a, b):\n    return [a * {i} + b for a in range({i})]" for i in range(1, k)) for k in (3, 6, 21)]
JUDGING = [
    "code_reward",
    "slime_plugins",
    "trl_plugins",
    *(f"data_prep/{room}" for room in ("judges", "search", "unit_tests", "mutants", "tracing")),
]
"""Where programs of a policy, or texts of a language model, are parsed. The sandbox's referee is a process of one thread."""


class Rubbish:
    """What only the garbage collector finds, and whose end takes long enough for another thread to go on."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        sum(range(2000))


@pytest.fixture
def _restless():
    """Threads change places as often as they can, and garbage is collected in the middle of everything."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5, 2, 2)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("_restless")
def test_a_right_answer_is_accepted_however_many_threads_parse():
    def work(_: int) -> Counter[str | None]:
        said: list[str | None] = []  # of this thread alone: two threads that count in one Counter lose counts
        for number in range(500):
            Rubbish()
            said.append(check_program(PROGRAMS[number % 3], "f1"))
        return Counter(said)

    with ThreadPoolExecutor(max_workers=6) as threads:
        assert sum(threads.map(work, range(6)), Counter()) == {None: 3000}


@pytest.mark.parametrize(
    "fault", [SystemError("AST constructor recursion depth mismatch (before=1, after=2)"), RecursionError(), MemoryError()]
)
def test_a_fault_that_does_not_come_back_is_not_the_programs(fault, monkeypatch):
    parse, faults = ast.parse, [fault, fault]
    monkeypatch.setattr(ast, "parse", lambda *given, **named: (_ for _ in ()).throw(faults.pop()) if faults else parse(*given, **named))
    assert check_program(PROGRAMS[0], "f1") is None


def test_a_fault_of_the_interpreters_that_stays_is_no_verdict(monkeypatch):
    def fail(*given, **named):
        raise SystemError("AST constructor recursion depth mismatch")

    monkeypatch.setattr(ast, "parse", fail)
    with pytest.raises(SystemError):
        extract_code(f"```python\n{PROGRAMS[0]}\n```", entry_point="f1")
    with pytest.raises(SystemError):
        runnable(Problem(id="p", statement="s", starter_code="import math"), PROGRAMS[0])


@pytest.mark.parametrize("source", ["def f(:", "x = '\0'", "x = '\ud800'", "(" * 5000, "-" * 20000 + "1"])
def test_what_is_not_python_is_one_of_the_parse_errors_each_time(source):
    with pytest.raises(PARSE_ERRORS):
        parse_python(source)
    assert check_program(source) == "does_not_parse"


def test_a_fork_can_parse_while_a_thread_of_its_parent_has_the_turn():
    from code_reward import parsing

    taken, free = threading.Event(), threading.Event()

    def hold() -> None:
        with parsing._turn:
            taken.set()
            free.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    child = os.fork()
    if child == 0:
        free_in_child = parsing._turn.acquire(blocking=False)
        os._exit(0 if free_in_child else 1)
    free.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("room", JUDGING)
def test_what_judges_parses_in_turn(room):
    direct = [
        f"{path}:{node.lineno}"
        for path in (ROOT / room).rglob("*.py")
        if path.name != "parsing.py" and "preflight" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ast.parse" and not any(word.arg == "mode" for word in node.keywords)
    ]
    assert direct == []

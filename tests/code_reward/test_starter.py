"""A program behind its starter code runs, wherever its imports from `__future__` stand."""

import pytest

from code_reward.problem import Problem, runnable

STARTER = "from typing import Optional\n\nclass Node:\n    pass\n"
BODY = "def f(node: Optional[Node] = None):\n    return isinstance(node, Node)\n"
FUTURE = "from __future__ import annotations\n"


def run(starter: str, program: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(runnable(Problem(id="p", statement="s", starter_code=starter), program), "program.py", "exec", dont_inherit=True), names)
    return names


@pytest.mark.parametrize("starter", [STARTER, FUTURE + STARTER, f'"""Given."""\n{FUTURE}{STARTER}'])
@pytest.mark.parametrize(
    "head",
    [
        "",
        FUTURE,
        f'"""My \u00e4nswer."""\n{FUTURE}',
        f'"""\u00e4"""; {FUTURE}',
        "# no `from __future__ import annotations` needed\n",
        "from __future__ import (\n    annotations,\n    division as d,\n)\n",
        "from __future__ import annotations; import math\n",
        f"{FUTURE}from __future__ import division\n".replace("\n", "\r\n"),
    ],
)
def test_a_program_runs_behind_its_starter_code(starter, head):
    names = run(starter, head + BODY)
    assert names["f"](names["Node"]()) is True
    assert names["f"](3) is False
    if "division as d" in head:
        assert names["d"]
    if "math" in head:
        assert names["math"]


def test_lines_of_the_program_keep_their_distance():
    wrapped = "from __future__ import (\n    annotations,\n)\nx = 1\n"
    assert runnable(Problem(id="p", statement="s", starter_code="import math"), wrapped).endswith("pass\n\n\nx = 1\n")


@pytest.mark.parametrize("starter", ["", " \n", "class Solution:\n    def f(self):\n"])
def test_blank_and_open_starter_code_is_left_out(starter):
    assert runnable(Problem(id="p", statement="s", starter_code=starter), FUTURE + "x = 1") == FUTURE + "x = 1"


def test_a_program_that_does_not_parse_is_left_as_it_is():
    assert runnable(Problem(id="p", statement="s", starter_code="import math"), "x = (") == "import math\n\n\nx = ("

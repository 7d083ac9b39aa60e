"""Two rows of every published data set, of our own making, in the very columns that it has on its hub."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any

Row = dict[str, Any]


def hidden(cases: list[Row]) -> str:
    """Hidden tests as LiveCodeBench publishes them."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def _lcb(**changes: object) -> Row:
    row = {
        "question_title": "Twice",
        "question_content": "Read a number and print it doubled.",
        "platform": "atcoder",
        "question_id": "abc901_a",
        "contest_id": "abc901",
        "contest_date": "2026-01-10T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([{"input": "2\n", "output": "4\n", "testtype": "stdin"}]),
        "private_test_cases": hidden([{"input": "0.5\n", "output": "1.0\n", "testtype": "stdin"}]),
        "metadata": "{}",
    }
    return {**row, **changes}


_METHOD = {
    "question_id": "4001",
    "platform": "leetcode",
    "question_content": "Give the numbers from the largest to the smallest.",
    "starter_code": "class Solution:\n    def fall(self, nums: List[int], most: int) -> List[int]:\n        ",
    "public_test_cases": json.dumps([{"input": "[1, 3]\n9", "output": "[3, 1]", "testtype": "functional"}]),
    "private_test_cases": hidden([{"input": "[]\n9", "output": "[]", "testtype": "functional"}]),
    "metadata": '{"func_name": "fall"}',
}


def _bigcodebench(number: int, **changes: object) -> Row:
    signature = "import statistics\n\ndef task_func(values):\n"
    row = {
        "task_id": f"BigCodeBench/{9000 + number}",
        "complete_prompt": f'{signature}    """Give the middle one of some values."""\n',
        "instruct_prompt": f"Give the middle one of some values.\nBegin with:\n```\n{signature}```",
        "canonical_solution": "    return statistics.median(values)",
        "code_prompt": signature,
        "test": "import unittest\n\nclass TestCases(unittest.TestCase):\n"
        "    def test_odd(self):\n        self.assertEqual(task_func([9, 1, 5]), 5)\n",
        "entry_point": "task_func",
        "doc_struct": '{"description": ["Give the middle one of some values."]}',
        "libs": "['statistics']",
    }
    return {**row, **changes}


_HARD = {"q_idx": 7, "question": "How do I find the middle one?", "score": 0.8, "_id": "BigCodeBench/9000"}


def _humaneval(number: int, test: str) -> Row:
    return {
        "task_id": f"HumanEval/{900 + number}",
        "prompt": f'def wide_{number}(rows: list) -> int:\n    """ Count the longest of some rows.\n'
        f'    >>> wide_{number}([[1], [1, 2]])\n    2\n    """\n',
        "canonical_solution": "    return max(map(len, rows), default=0)\n",
        "test": test,
        "entry_point": f"wide_{number}",
    }


_CHECK = "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate([[1], [1, 2]]) == 2\n    assert candidate([]) == 0\n"
_PLUS_CHECK = """

import numpy as np

def assertion(out, exp, atol):
    if atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp, f"out: {out}, exp: {exp}"


def check(candidate):
    inputs = [[[[1], [1, 2]]], [[]]]
    results = [2, 0]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, 0)
"""
_PLUS_SCRIPT = """
inputs = [[[3, 1]], [[]]]
results = [4, 0]
for i, (inp, exp) in enumerate(zip(inputs, results)):
    assert add_them(*inp) == exp
"""


def _mbpp(number: int, sentence: str) -> Row:
    return {
        "task_id": 9000 + number,
        sentence: f"Write a function to add up a list, as variant {number} of the exercise has it.",
        "code": "def add_them(xs):\r\n  total = 0\r\n  for x in xs:\r\n    total += x\r\n  return total",
        "test_list": ["assert add_them([1, 2]) == 3", "assert math.isclose(add_them([0.5]), 0.5)"],
    }


def _full(number: int) -> Row:
    return {**_mbpp(number, "text"), "test_setup_code": "import math", "challenge_test_list": []}


def _sanitized(number: int) -> Row:
    return {"source_file": "a.ipynb", **_mbpp(number, "prompt"), "test_imports": ["import math"]}


def _leetcode(number: int) -> Row:
    skeleton = "class Solution:\n    def rise(self, nums: List[int]) -> List[int]:"
    asked = f"Given integers nums, give them sorted and number {number} left out.\n\n```python\n{skeleton}\n```"
    solution = f"{skeleton}\n        return sorted(n for n in nums if n != {number})\n"
    return {
        "task_id": f"rise-{number}",
        "question_id": number,
        "difficulty": "Easy",
        "tags": ["Array"],
        "problem_description": asked,
        "starter_code": skeleton,
        "estimated_date": "2026-01-01 00:00:00",
        "prompt": "from typing import *\nimport math\n",
        "completion": solution,
        "entry_point": "Solution().rise",
        "test": "def check(candidate):\n    assert candidate(nums = [30, 10]) == [10, 30]\n",
        "input_output": [{"input": "nums = [30, 10]", "output": "[10, 30]"}],
        "query": asked,
        "response": f"So:\n```python\n{solution}```",
    }


def _kodcode(number: int) -> Row:
    return {
        "version": "v1.1",
        "style": "instruct",
        "subset": "Made",
        "question_id": f"Made_{number}_I",
        "question": f"Write a function that leaves out every word of {number} letters.",
        "solution": f"def leave_out(words):\n    return [word for word in words if len(word) != {number}]",
        "test": "from solution import leave_out\n\ndef test_none():\n    assert leave_out([]) == []\n",
        "test_info": [
            {"function_name": "leave_out", "parameter_list": "(words)", "function_declaration": "def leave_out(words):", "docstring": ""}
        ],
        "gpt_pass_sequence": [1],
        "gpt_pass_trial_num": 1,
        "gpt_difficulty": "easy",
        "gpt_pass_percentage": 1.0,
        "trials": {"trial_0": {"file_coverage": {"covered": 1}}},
        "chosen_trial": "trial_0",
        "metadata": {"original_instruction": "", "row_id": number},
        "benchmark_similarity": 0.1,
        "benchmark_instruction": "",
        "benchmark_task_id": "",
        "filter_reason": "",
    }


def _opencodeinstruct(number: int) -> Row:
    return {
        "id": f"made{number}",
        "input": f"Write `above(xs)`, which keeps what is above {number}.",
        "output": f"```python\ndef above(xs):\n    return [x for x in xs if x > {number}]\n```",
        "domain": "generic",
        "generation_algorithm": "self-instruct",
        "llm_judgement": "{}",
        "unit_tests": json.dumps(["\nassert above([]) == []\n", "\nassert above([99]) == [99]\n"]),
        "tests_execution_status": '["pass", "pass"]',
        "average_test_score": "1",
    }


_STDIN = "a, b = map(float, input().split())\nprint(a / b)"
_CALLED = "def halves(n):\n    return {1: n / 2, 2: (n, n)}"
_CALLS = {"fn_name": "halves", "inputs": [[3]], "outputs": [[{"1": 1.5, "2": [3, 3]}]]}
_LINES = {"inputs": ["1 3\n", ["1 2"]], "outputs": ["0.333333\n", ["0.5"]]}
DEEPCODER: dict[str, list[Row]] = {
    "primeintellect": [
        {
            "problem": "Divide two numbers.",
            "solutions": [f"```python\n{_STDIN}\n```"],
            "tests": '[{"type": "stdin_stdout", "input": "1 2", "output": "0.5"}]',
        },
        {
            "problem": "Halve a number in two ways.",
            "solutions": [f"```python\n{_CALLED}\n```"],
            "tests": json.dumps([{"type": "function_call", "fn_name": "halves", "input": [3], "output": _CALLS["outputs"][0]}]),
        },
    ],
    "taco": [
        {"problem": "Divide two numbers.", "solutions": [f"```python\n{_STDIN}\n```"], "tests": json.dumps(_LINES)},
        {"problem": "Halve a number in two ways.", "solutions": [f"```python\n{_CALLED}\n```"], "tests": json.dumps(_CALLS)},
    ],
    "lcbv5": [
        {
            "problem": "Divide.",
            "starter_code": "",
            "tests": '[{"input": "1 2", "output": "0.5", "testtype": "stdin", "metadata": {"func_name": null}}]',
            "metadata": {"difficulty": "easy", "func_name": None},
        },
        {
            "problem": "Sort from the largest.",
            "starter_code": _METHOD["starter_code"],
            "tests": '[{"input": "[1, 3]\\n9", "output": "[3, 1]", "testtype": "functional", "metadata": {"func_name": "fall"}}]',
            "metadata": {"difficulty": "easy", "func_name": "fall"},
        },
    ],
    "codeforces": [
        {"problem": "Divide two numbers.", "tests": '[{"input": "1 2\\n", "output": "0.5\\n"}]'},
        {"problem": "Divide two numbers twice.", "tests": '[{"input": "1 4\\n", "output": "0.25\\n"}]'},
    ],
}
"""By configuration."""


def _apps(number: int, tests: Row, solution: str, starter: str) -> Row:
    return {
        "problem_id": number,
        "question": f"Halve or divide numbers, as exercise {number} says.\n\n-----Input-----\nNumbers.",
        "solutions": json.dumps(["print 'Python 2'", solution]),
        "input_output": json.dumps(tests),
        "difficulty": "introductory",
        "url": f"https://example.org/{number}",
        "starter_code": starter,
    }


def _taco(number: int, tests: Row, solution: str, starter: str) -> Row:
    row = _apps(number, tests, solution, starter)
    del row["problem_id"]
    return {
        **row,
        "difficulty": "EASY",
        "raw_tags": "['math']",
        "name": None,
        "source": "codeforces",
        "tags": "['Mathematics']",
        "skill_types": "[]",
        "Expected Auxiliary Space": None,
        "time_limit": "1.5 seconds",
        "date": None,
        "picture_num": "0",
        "memory_limit": "256.0 megabytes",
        "Expected Time Complexity": None,
    }


def _code_contests(name: str, description: str) -> Row:
    tests = {"input": ["1 3\n"], "output": ["0.33333\n"]}
    return {
        "name": name,
        "description": description,
        "public_tests": tests,
        "private_tests": {"input": ["1 2\n"], "output": ["0.5\n"]},
        "generated_tests": {"input": [], "output": []},
        "source": 2,
        "difficulty": 7,
        "solutions": {"language": [2, 1, 3], "solution": ["int main() {}", "print 1", _STDIN]},
        "incorrect_solutions": {"language": [3], "solution": ["print(0)"]},
        "cf_contest_id": 1900,
        "cf_index": "A",
        "cf_points": 500.0,
        "cf_rating": 800,
        "cf_tags": ["math"],
        "is_description_translated": False,
        "untranslated_description": "",
        "time_limit": {"seconds": 2, "nanos": 500000000},
        "memory_limit_bytes": 256000000,
        "input_file": "",
        "output_file": "",
    }


def _synthetic1(number: int, cases: list[Row], solution: str) -> Row:
    return {
        "source": "apps",
        "task_type": "verifiable_code",
        "in_source_id": str(number),
        "prompt": f"Solve the following in Python:\n\nHalve or divide, exercise {number}.",
        "gold_standard_solution": f"```python\n{solution}\n```",
        "verification_info": json.dumps({"language": "python", "test_cases": cases}),
        "metadata": '{"difficulty": "easy"}',
        "problem_id": f"vcp_{number}",
    }


def _acecode(number: int) -> Row:
    right = f"```python\ndef add_{number}(x):\n    return x + {number}\n```"
    return {
        "id": f"oss_{number}",
        "source": "oss",
        "question": f"Write a function that adds {number} to a number.",
        "test_cases": [f"assert add_{number}(1) == {1 + number}", f"assert add_{number}(0) == {number}"],
        "inferences": [
            {"completion": right.replace("+", "-"), "completion_id": 0, "model_name": "some-model", "pass_rate": 0.0},
            {"completion": right, "completion_id": 1, "model_name": "some-model", "pass_rate": 1.0},
        ],
        "context_messages": [{"content": f"Write a function that adds {number} to a number.", "role": "user"}],
    }


def _coderm(number: int) -> Row:
    test = f"import unittest\n\nclass TestAdd(unittest.TestCase):\n    def test_zero(self):\n        self.assertEqual(plus(0), {number})\n"
    programs = [f"def plus(x):\n    return x {sign} {number}" for sign in "+-"]
    return {
        "task_id": number,
        "question": f"Write a function that adds {number} to a number.",
        "code_ground_truth": programs[0],
        "code_generate": json.dumps([{"sol_id": place, "code": program} for place, program in enumerate(programs)]),
        "unit_tests": json.dumps([{"ut_id": 0, "code": test, "FAR": 0.0, "FRR": 0.0}]),
    }


def _magicoder(number: int) -> Row:
    return {
        "lang": "python",
        "raw_index": number,
        "index": number,
        "seed": "total += x",
        "openai_fingerprint": "fp_1",
        "problem": f"Write `add_up(xs)`, which returns {number} and the sum of a list.",
        "solution": f"So:\n```python\ndef add_up(xs):\n    return {number} + sum(xs)\n```\nThat is all.",
    }


def _pack(number: int) -> Row:
    row = _humaneval(number, f"def check(wide):\n    assert wide([]) == 0\n\ncheck(wide_{number})")
    more = {
        "declaration": "",
        "buggy_solution": "    return len(rows)\n",
        "bug_type": "value misuse",
        "failure_symptoms": "incorrect output",
    }
    return {
        **row,
        "task_id": f"Python/{900 + number}",
        **more,
        "instruction": f"Write a Python function `wide_{number}` that counts the longest of some rows.",
    }


PUBLISHED: dict[str, list[Row]] = {
    "humaneval": [_humaneval(0, _CHECK), _humaneval(1, _CHECK)],
    "humaneval_plus": [_humaneval(0, _PLUS_CHECK), _humaneval(1, _PLUS_CHECK)],
    "humanevalpack": [_pack(0), _pack(1)],
    "mbpp": [_full(0), _full(1)],
    "mbpp_plus": [{**_sanitized(0), "test": _PLUS_SCRIPT}, {**_sanitized(1), "test": _PLUS_SCRIPT}],
    "leetcode": [_leetcode(7), _leetcode(8)],
    "kodcode": [_kodcode(3), _kodcode(4)],
    "opencodeinstruct": [_opencodeinstruct(1), _opencodeinstruct(2)],
    "deepcoder": DEEPCODER["taco"],
    "apps": [_apps(0, _LINES, _STDIN, ""), _apps(1, _CALLS, _CALLED, "\ndef halves(n):\n\t")],
    "taco": [_taco(0, _LINES, _STDIN, ""), _taco(1, _CALLS, _CALLED, "\ndef halves(n):\n\t")],
    "code_contests": [
        _code_contests("1900_A. Divide", "Divide two numbers."),
        _code_contests("1900_B. Part", "Give one number's part of another."),
    ],
    "synthetic1": [
        _synthetic1(0, [{"type": "stdin_stdout", "input": "1 2", "output": "0.5"}], _STDIN),
        _synthetic1(1, [{"type": "function_call", "fn_name": "halves", "input": [3], "output": _CALLS["outputs"][0]}], _CALLED),
    ],
    "acecode": [_acecode(5), _acecode(6)],
    "coderm": [_coderm(5), _coderm(6)],
    "magicoder": [_magicoder(1), _magicoder(2)],
    "lcb": [_lcb(), _lcb(**_METHOD)],
    "bigcodebench": [_bigcodebench(0), _bigcodebench(1)],
    "bigcodebench_hard": [_bigcodebench(0, **_HARD), _bigcodebench(1, **_HARD)],
}
"""By the name of the source."""
SANITIZED = [_sanitized(0), _sanitized(1)]
"""MBPP's second configuration."""

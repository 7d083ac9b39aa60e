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

PUBLISHED: dict[str, list[Row]] = {
    "lcb": [_lcb(), _lcb(**_METHOD)],
    "bigcodebench": [_bigcodebench(0), _bigcodebench(1)],
    "bigcodebench_hard": [_bigcodebench(0, **_HARD), _bigcodebench(1, **_HARD)],
}
"""By the name of the source."""

"""LiveCodeBench's own problems with their public tests, out of the history of a public repository and files of published answers.

Each commit of the repository that is called "Task instance ID" holds one problem: tests for standard input in `tests.json`, or the starting
code with assertions in `main.py`. Statements come with the answers.
"""

import ast
import json
import subprocess


def read_rows(root, published):
    """Rows in the benchmark's form, by name, of the problems that `published` (rows of answers, by name) knows."""
    history = _git(root, "log", "--all", "--format=%H %s")
    rows = {}
    for commit, _, subject in (line.partition(" ") for line in history.splitlines()):
        name = subject.rpartition(" ")[2]
        if subject.startswith("Task instance ") and name in published:
            rows[name] = _row(root, commit, published[name])
    return rows


def _row(root, commit, known):
    names = "question_id", "question_title", "question_content", "platform", "difficulty", "contest_date", "starter_code"
    row = {name: known[name] for name in names}
    if known["starter_code"]:
        checks = [line.test for line in ast.parse(_git(root, "show", f"{commit}:main.py")).body if isinstance(line, ast.Assert)]
        tests = [{"input": "\n".join(map(_written, check.left.args)), "output": _written(check.comparators[0])} for check in checks]
        tests = [{**test, "testtype": "functional"} for test in tests]
        row["metadata"] = json.dumps({"func_name": checks[0].left.func.attr})
    else:
        tests = json.loads(json.loads(_git(root, "show", f"{commit}:tests.json"))["tests"])
        row["metadata"] = "{}"
    return {**row, "public_test_cases": json.dumps(tests), "private_test_cases": "[]"}


def _written(value):
    return json.dumps(ast.literal_eval(value))


def _git(root, *words):
    return subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True).stdout

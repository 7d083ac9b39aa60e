"""Beside the candidate: whole tests in the program's interpreter, as Python, pytest and unittest run them.

What is written here is the word of the program's own process. The referee believes it where it says that a test failed; that a test passed
it believes only of a program that answers counter-tests too.
"""

from __future__ import annotations

import marshal
import sys
import time
import types
from typing import Any

from reward_servers.sandbox.worker.inside import notes
from reward_servers.sandbox.worker.inside.program import load
from reward_servers.sandbox.worker.inside.pytests import run_pytest
from reward_servers.sandbox.worker.inside.report import Report, describe
from reward_servers.sandbox.worker.protocol import FAILED, FINE, TEST_FILE


def run_inline(work: dict[str, Any], report: Report) -> None:
    """Write ["end", seconds, flag, text] for each test; counter-tests write notes before it."""
    clock = time.process_time
    module = None
    if work["kind"] != "pytest":  # Whose files import the program themselves.
        try:
            module = load(work["program"])
        except BaseException as error:
            report.write("load_error", *describe(error))
            return
    report.write("loaded")
    began = clock()
    for number, test in enumerate(work["tests"]):
        notes.provide(report, number)
        if module is None:
            flag, text = run_pytest(test["source"], test["module"], work["program"], work["folder"])
        else:
            flag, text = _run(work["kind"], test, module, work["entry_point"])
        now = clock()
        report.write("end", now - began, flag, text)
        report.ring(b"!")
        began = now


def _run(kind: str, test: dict[str, Any], module: types.ModuleType, entry_point: str | None) -> tuple[int, str]:
    try:
        exec(marshal.loads(test["compiled"]) if "compiled" in test else compile(test["source"], TEST_FILE, "exec"), vars(module))
        if kind == "check":
            vars(module)["check"](eval(entry_point or "None", vars(module)))
        text = run_cases(module) if kind == "unittest" else ""
    except BaseException as error:
        return explain(error, test["source"])
    return (FAILED, text) if text else (FINE, "")


def run_cases(module: types.ModuleType) -> str:
    """Run every `TestCase` of the module; the last line of the first trouble, or nothing."""
    import unittest

    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TestResult()
    result.failfast = True
    suite.run(result)
    trouble = [*result.failures, *result.errors]
    if trouble:
        return trouble[0][1].strip().splitlines()[-1][:500] or "an error without a name"
    if result.testsRun == len(result.skipped):
        return "no test was run"
    return "" if result.wasSuccessful() else "unexpected success of a test"


def explain(error: BaseException, code: str) -> tuple[int, str]:
    """How what a test raised is to be taken, and a sentence with the line of the test that did."""
    flag, text = describe(error)
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TEST_FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = code.split("\n")
    where = f"line {line}: {lines[line - 1].strip()}" if 0 < line <= len(lines) else ""
    return flag, f"{text.removesuffix(': ')} {where}".strip()[:500]


def rehearse_cases() -> None:
    """Go the way of a unittest script once."""
    import unittest

    class Rehearsal(unittest.TestCase):
        def test_equal(self) -> None:
            self.assertEqual([1], [1])  # noqa: PT009
            with self.assertRaises(ValueError):  # noqa: PT027
                int("x")

    module = types.ModuleType("rehearsal")
    vars(module)["Rehearsal"] = Rehearsal
    run_cases(module)
    sys.modules.pop("rehearsal", None)

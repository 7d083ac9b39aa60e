"""Running one test of each kind in this interpreter, over the names of a program or stand-ins for them."""

from __future__ import annotations

import marshal
import sys
import types
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker.inside.pytests import run_source
from reward_servers.sandbox.worker.inside.report import describe
from reward_servers.sandbox.worker.protocol import TEST_FILE

Names = dict[str, Any]
Test = dict[str, Any]


def _execute(test: Test, names: Names) -> None:
    code = marshal.loads(test["compiled"]) if "compiled" in test else compile(test["source"], TEST_FILE, "exec", dont_inherit=True)
    exec(code, names)


def run_asserts(test: Test, names: Names, entry_point: str | None) -> str:
    """Execute the script; what it raises is the failure."""
    _execute(test, {**names, "__name__": "test"})
    return ""


def run_check(test: Test, names: Names, entry_point: str | None) -> str:
    """Call `check` with the entry point."""
    candidate = eval(entry_point or "None", dict(names))
    namespace = {**names, "__name__": "test"}
    _execute(test, namespace)
    namespace["check"](candidate)
    return ""


def run_unittest(test: Test, names: Names, entry_point: str | None) -> str:
    """Run every `TestCase` of the script; the last line of the first trouble, or nothing."""
    import unittest

    module = types.ModuleType("test")
    vars(module).update({name: value for name, value in names.items() if not name.startswith("__")})
    sys.modules["test"] = module
    _execute(test, vars(module))
    suite = unittest.TestSuite()
    for value in list(vars(module).values()):
        if isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == "test":
            suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(value))
    total = suite.countTestCases()
    result = unittest.TestResult()
    result.failfast = True
    suite.run(result)
    trouble = [*result.failures, *result.errors]
    if trouble:
        return trouble[0][1].strip().splitlines()[-1][:500]
    if not result.wasSuccessful() or total == 0 or result.testsRun != total:
        return "unexpected success of a test" if result.unexpectedSuccesses else "no test was run"
    return ""


def run_pytest(test: Test, names: Names, entry_point: str | None) -> str:
    """Run the source as a pytest file that imports the program; the first trouble, or nothing."""
    module = types.ModuleType(test["module"])
    vars(module).update(names)
    sys.modules[test["module"]] = module
    return run_source(test["source"], TEST_FILE)


def explain(error: BaseException, code: str) -> tuple[str, str]:
    """Kind and sentence for what a test raised, with the line of the test that did."""
    kind, text = describe(error)
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == TEST_FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = code.splitlines()
    where = f"line {line}: {lines[line - 1].strip()}" if 0 < line <= len(lines) else ""
    return kind, f"{text.removesuffix(': ')} {where}".strip()[:500]


RUNNERS: dict[str, Callable[[Test, Names, str | None], str]] = {
    "asserts": run_asserts,
    "check": run_check,
    "unittest": run_unittest,
    "pytest": run_pytest,
}

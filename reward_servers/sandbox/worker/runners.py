"""Running one test of each inline kind in this interpreter, over the names of a program (or stand-ins for them)."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker.pytests import run_source
from reward_servers.sandbox.worker.report import describe
from reward_servers.sandbox.worker.strict import NAME, harden, harden_unittest

Names = dict[str, Any]
_TEST_FILE = "test_program.py"


def _execute(test: dict[str, Any], names: Names) -> None:
    """Execute the test's source with these names; strictly where the program's objects are among them."""
    source = harden(test["code"]) if NAME in names else test["code"]
    exec(compile(source, _TEST_FILE, "exec", dont_inherit=True), names)


def run_asserts(test: dict[str, Any], names: Names, entry_point: str | None) -> str:
    """Execute the script; what it raises is the failure."""
    _execute(test, {**names, "__name__": "test"})
    return ""


def run_check(test: dict[str, Any], names: Names, entry_point: str | None) -> str:
    """Call `check` with the entry point."""
    candidate = eval(entry_point or "None", dict(names))
    namespace = {**names, "__name__": "test"}
    _execute(test, namespace)
    namespace["check"](candidate)
    return ""


def run_unittest(test: dict[str, Any], names: Names, entry_point: str | None) -> str:
    """Run every `TestCase` of the script; the last line of the first trouble, or nothing."""
    import unittest

    module = types.ModuleType("test")
    vars(module).update({name: value for name, value in names.items() if not name.startswith("__") or name == NAME})
    sys.modules["test"] = module
    if NAME in names:
        harden_unittest()
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


def run_pytest(test: dict[str, Any], names: Names, entry_point: str | None) -> str:
    """Run the source as a pytest file that imports the program; the first trouble, or nothing."""
    module = types.ModuleType(test["module"])
    vars(module).update(names)
    sys.modules[test["module"]] = module
    tree = harden(test["code"]) if NAME in names else ast.parse(test["code"])
    if NAME in names:
        sys.modules[NAME] = module
        tree.body.insert(_after_future(tree), ast.ImportFrom(NAME, [ast.alias(NAME)], 0))
        ast.fix_missing_locations(tree)
    return run_source(tree, test["code"], _TEST_FILE)


def _after_future(tree: ast.Module) -> int:
    """Where an import may be inserted: after the docstring and the imports from __future__."""
    place = int(ast.get_docstring(tree) is not None)
    while place < len(tree.body) and isinstance(node := tree.body[place], ast.ImportFrom) and node.module == "__future__":
        place += 1
    return place


def explain(error: BaseException, code: str) -> tuple[str, str]:
    """Kind and sentence for what a test raised, with the line of the test that did."""
    kind, text = describe(error)
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _TEST_FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = code.splitlines()
    where = f"line {line}: {lines[line - 1].strip()}" if 0 < line <= len(lines) else ""
    return kind, f"{text.removesuffix(': ')} {where}".strip()[:500]


RUNNERS: dict[str, Callable[[dict[str, Any], Names, str | None], str]] = {
    "asserts": run_asserts,
    "check": run_check,
    "unittest": run_unittest,
    "pytest": run_pytest,
}

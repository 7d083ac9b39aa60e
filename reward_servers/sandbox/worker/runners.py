"""Running one test of each inline kind in this interpreter, over the names of a program (or stand-ins for them)."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker.report import describe

Names = dict[str, Any]
_TEST_FILE = "test_program.py"


def run_asserts(test: dict[str, Any], names: Names, entry_point: str | None) -> str:
    """Execute the script; what it raises is the failure."""
    exec(compile(test["code"], _TEST_FILE, "exec", dont_inherit=True), {**names, "__name__": "test"})
    return ""


def run_check(test: dict[str, Any], names: Names, entry_point: str | None) -> str:
    """Call `check` with the entry point."""
    candidate = eval(entry_point or "None", dict(names))
    namespace = {**names, "__name__": "test"}
    exec(compile(test["code"], _TEST_FILE, "exec", dont_inherit=True), namespace)
    namespace["check"](candidate)
    return ""


def run_unittest(test: dict[str, Any], names: Names, entry_point: str | None) -> str:
    """Run every `TestCase` of the script; the last line of the first trouble, or nothing."""
    import unittest

    module = types.ModuleType("test")
    vars(module).update({name: value for name, value in names.items() if not name.startswith("__")})
    sys.modules["test"] = module
    exec(compile(test["code"], _TEST_FILE, "exec", dont_inherit=True), vars(module))
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
    """Run the script as a pytest file that imports the program; the last line of the first trouble, or nothing."""
    import pytest

    module = types.ModuleType(test["module"])
    vars(module).update(names)
    sys.modules[test["module"]] = module
    with open(_TEST_FILE, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(test["code"])
    watcher = Watcher()
    status = pytest.main([*PYTEST_ARGUMENTS, _TEST_FILE], plugins=[watcher])
    if status == 0 and watcher.passed > 0 and not watcher.trouble:
        return ""
    return (watcher.trouble or f"pytest ended with status {int(status)}")[:500]


PYTEST_ARGUMENTS = ["-q", "-x", "-s", "--tb=line", "-c", "/dev/null", "--rootdir=."]
for _plugin in ("cacheprovider", "faulthandler", "junitxml", "pastebin", "debugging", "unraisableexception", "threadexception", "logging"):
    PYTEST_ARGUMENTS += ["-p", f"no:{_plugin}"]
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"


class Watcher:
    """A pytest plugin that counts for itself."""

    def __init__(self) -> None:
        self.passed = 0
        self.trouble = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.trouble = self.trouble or _last_line(report)
        elif report.when == "call" and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.trouble = self.trouble or _last_line(report)


def _last_line(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).strip()


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

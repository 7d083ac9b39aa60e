"""Tests that share the interpreter with the candidate: free assert scripts, `check(candidate)`, unittest classes, pytest files.

The tests arrive only after the program's own top level has run. Still a determined program can find and bend what runs in its own process:
this mode is hard to cheat, not sealed. What is known to pass is listed in `reward_servers.sandbox`.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
import types
from typing import Any

from reward_servers.sandbox.worker.child import Report, describe, load


def run(program: str, entry_point: str | None, report: Report) -> None:
    """Load the program, fetch the tests, write one `test` event for each."""
    table = vars(builtins)
    pristine = dict(table)
    clear, update = table.clear, table.update
    try:
        module = load(program, "solution")
    except BaseException as error:
        report.write("load_error", *describe(error))
        return
    clear()
    update(pristine)
    report.write("loaded")
    for test in _fetch_tests(report.bell):
        os.write(report.bell, b"n")
        try:
            failure = _RUNNERS[test["kind"]](test, module, entry_point)
        except BaseException as error:
            failure = _explain(error, test["code"])
        report.write("test", *(failure or ("passed", "")), ring=True)


def _fetch_tests(bell: int) -> list[dict[str, Any]]:
    os.write(bell, b"t")
    size = int.from_bytes(_receive(bell, 4), "big")
    tests: list[dict[str, Any]] = json.loads(_receive(bell, size))
    return tests


def _receive(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(fd, size - len(data))
    return data


def _explain(error: BaseException, code: str) -> tuple[str, str]:
    kind, text = describe(error)
    trace = error.__traceback__
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "test.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = code.splitlines()
    where = f"line {line}: {lines[line - 1].strip()}" if 0 < line <= len(lines) else ""
    return kind, f"{text} {where}".strip()[:500]


def _run_asserts(test: dict[str, Any], module: types.ModuleType, entry_point: str | None) -> None:
    exec(compile(test["code"], "test.py", "exec", dont_inherit=True), dict(vars(module)))


def _run_check(test: dict[str, Any], module: types.ModuleType, entry_point: str | None) -> None:
    candidate = eval(entry_point or "None", dict(vars(module)))
    namespace = dict(vars(module))
    exec(compile(test["code"], "test.py", "exec", dont_inherit=True), namespace)
    namespace["check"](candidate)


def _run_unittest(test: dict[str, Any], module: types.ModuleType, entry_point: str | None) -> tuple[str, str] | None:
    import unittest

    tests = types.ModuleType("test")
    vars(tests).update({name: value for name, value in vars(module).items() if not name.startswith("__")})
    sys.modules["test"] = tests
    exec(compile(test["code"], "test.py", "exec", dont_inherit=True), vars(tests))
    suite = unittest.TestSuite()
    for value in list(vars(tests).values()):
        if isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == "test":
            suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(value))
    if suite.countTestCases() == 0:
        return "failed", "no test in the unittest script"
    result = unittest.TestResult()
    result.failfast = True
    suite.run(result)
    if result.wasSuccessful() and result.testsRun == suite.countTestCases():
        return None
    trouble = [*result.failures, *result.errors]
    return "failed", trouble[0][1].strip().splitlines()[-1][:500] if trouble else "unexpected success"


def _run_pytest(test: dict[str, Any], module: types.ModuleType, entry_point: str | None) -> tuple[str, str] | None:
    import pytest

    sys.modules[test["module"]] = module
    with open("test_program.py", "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(test["code"])
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    watcher = _Watcher()
    arguments = ["-q", "-x", "--tb=line", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--rootdir=.", "-c", "/dev/null"]
    status = pytest.main([*arguments, "test_program.py"], plugins=[watcher])
    if status == 0 and watcher.passed > 0 and not watcher.trouble:
        return None
    return "failed", (watcher.trouble or f"pytest ended with status {int(status)}")[:500]


class _Watcher:
    """A pytest plugin that counts for itself."""

    def __init__(self) -> None:
        self.passed = 0
        self.trouble = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.trouble = self.trouble or str(report.longrepr).strip().splitlines()[-1]
        elif report.when == "call" and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.trouble = self.trouble or str(report.longrepr).strip().splitlines()[-1]


_RUNNERS: dict[str, Any] = {"asserts": _run_asserts, "check": _run_check, "unittest": _run_unittest, "pytest": _run_pytest}

"""Running a pytest file from memory: no file of tests exists that a program could read, and no conftest that it could have left.

The one module is made from its source, with pytest's own rewriting of `assert`, and collected in the place of files.
"""

from __future__ import annotations

import os
import types
from typing import Any

_ARGUMENTS = ["-x", "-s", "-c", "/dev/null", "--rootdir=/", "--noconftest"]
for _plugin in ("cacheprovider", "faulthandler", "junitxml", "pastebin", "debugging", "unraisableexception", "threadexception", "logging"):
    _ARGUMENTS += ["-p", f"no:{_plugin}"]
for _plugin in ("terminal", "setuponly", "setupplan", "stepwise", "doctest", "nose", "legacypath", "warnings"):
    _ARGUMENTS += ["-p", f"no:{_plugin}"]


def run_source(source: str, filename: str) -> str:
    """Run the tests of a source; the message of the first trouble, or nothing when all passed and there was one."""
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    watcher = Watcher(source, filename)
    status = pytest.main(_ARGUMENTS, plugins=[watcher])
    if status == 0 and watcher.passed > 0 and not watcher.trouble:
        return ""
    return (watcher.trouble or f"no test passed (pytest status {int(status)})")[:500]


class Watcher:
    """A pytest plugin that provides the one module and counts for itself."""

    def __init__(self, source: str, filename: str) -> None:
        self.passed = 0
        self.trouble = ""
        self._source = source
        self._filename = filename

    def pytest_collection(self, session: Any) -> bool:
        """Collect the one module instead of files; returning True is what keeps pytest from looking for any."""
        import pytest

        watcher = self

        class MemoryModule(pytest.Module):
            def _getobj(self) -> types.ModuleType:
                return watcher.build(self.config)

        module = MemoryModule.from_parent(session, path=session.config.rootpath / self._filename)
        session.items = list(session.genitems(module))
        session.testscollected = len(session.items)
        session.config.hook.pytest_collection_modifyitems(session=session, config=session.config, items=session.items)
        return True

    def build(self, config: Any) -> types.ModuleType:
        import ast

        from _pytest.assertion.rewrite import rewrite_asserts

        tree = ast.parse(self._source)
        rewrite_asserts(tree, self._source.encode("utf-8", "surrogatepass"), self._filename, config)
        module = types.ModuleType(self._filename.removesuffix(".py"))
        exec(compile(tree, self._filename, "exec", dont_inherit=True), vars(module))
        return module

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.trouble = self.trouble or _message(report)
        elif report.when == "call" and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.trouble = self.trouble or _message(report)


def _message(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).strip()

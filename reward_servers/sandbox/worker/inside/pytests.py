"""Running a pytest file as `pytest` does where it lies beside the program; what it prints goes nowhere."""

from __future__ import annotations

import os
import sys
from typing import Any

from reward_servers.sandbox.worker.inside.report import describe
from reward_servers.sandbox.worker.protocol import FAILED, FINE, TEST_FILE

_ARGUMENTS = ["-x", "-c", "/dev/null", "--noconftest"]
# What writes reports, keeps state between runs or spreads tests over processes changes no verdict, and takes time.
_WITHOUT = ("cacheprovider", "junitxml", "pastebin", "setuponly", "setupplan", "stepwise", "doctest", "faulthandler", "nose", "terminal")
_USELESS = ("xdist", "pytest_cov", "_pytest", "pytest_benchmark", "schemathesis", "typeguard", "jaxtyping", "langsmith")
_plugins: dict[str, str] = {}
"""Module of an installed plugin, by a word without which no test uses it."""


def find_plugins() -> None:
    """Import what is installed of pytest's plugins, which `pytest` would find and load in every run."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="pytest11"):
        if not entry.value.startswith(_USELESS):
            try:
                __import__(entry.module)
            except Exception as error:  # A plugin that is broken here breaks no test that does not use it.
                print(f"pytest plugin {entry.name} is left out: {error}", file=sys.stderr)
                continue
            _plugins[entry.name.removeprefix("pytest_").removesuffix("pytest")] = entry.module


def run_pytest(source: str, module: str, program: str, folder: str) -> tuple[int, str]:
    """Run the tests of a source beside the program, which is their module `module`: how it went, with the first trouble.

    Both lie in `folder`, which is not the working directory.
    """
    import pytest

    path = os.path.join(folder, *module.split(".")) + ".py"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    for name, text in ((path, program), (os.path.join(folder, TEST_FILE), source)):
        with open(name, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(text)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    watcher = Watcher()
    options = [*_ARGUMENTS, f"--rootdir={folder}"]
    for name in _WITHOUT:
        options += ["-p", f"no:{name}"]
    for word, name in _plugins.items():
        options += ["-p", name] if word in source else []
    try:
        status = pytest.main([*options, os.path.join(folder, TEST_FILE)], plugins=[watcher])
    except BaseException as error:
        return describe(error)
    if status == 0 and watcher.passed > 0:
        return FINE, ""
    return watcher.trouble or (FAILED, f"no test passed (pytest status {int(status)})")


class Watcher:
    """A pytest plugin that listens."""

    def __init__(self) -> None:
        self.passed = 0
        self.trouble: tuple[int, str] | None = None

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        """Keep the first exception."""
        if self.trouble is None:
            flag, text = describe(call.excinfo.value)
            crash = getattr(report.longrepr, "reprcrash", None)
            self.trouble = flag, str(crash.message if crash else text).strip()[:500]

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count what passed, expected failures too."""
        if report.when == "call" and (report.passed or hasattr(report, "wasxfail")):
            self.passed += 1

"""What plain CPython, pytest and unittest say of a program and a test: the referee that is not ours. Each pair has a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import sys
import tempfile
from pathlib import Path

from code_reward.deadlines import within
from code_reward.problem import CallTest, CheckTest, PytestTest, StdioTest, Test, UnittestTest

_SLEEPING_SECONDS = 300.0
_START_SECONDS = 2
"""CPU time for what the sandbox's interpreters have behind them: starting, and importing pytest and its plugins."""
_AFTER_THE_PROGRAM = """
import types, sys
module = sys.modules["solution"] = types.ModuleType("solution")
module.__file__ = "solution.py"
names = vars(module)
exec(compile(open("solution.py").read(), "solution.py", "exec"), names)
exec(compile(open("test_program.py").read(), "test_program.py", "exec"), names)
"""
_CHECK = _AFTER_THE_PROGRAM + "names['check'](eval({entry_point!r}, names))\n"
_CALL = """
import ast
names = {{"__name__": "solution"}}
exec(compile(open("solution.py").read(), "solution.py", "exec"), names)
args = ast.literal_eval({args!r})
got = eval({entry_point!r}, names)(**args) if isinstance(args, dict) else eval({entry_point!r}, names)(*args)
wanted = ast.literal_eval({expected!r})
assert got == wanted or abs(got - wanted) <= {atol!r}, (got, wanted)
"""
_PYTEST = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--rootdir=.", "--import-mode=prepend", "test_program.py"]


async def passes(program: str, test: Test, entry_point: str | None, cpu_seconds: int = 10) -> tuple[bool, str]:
    """Whether plain Python lets the program pass within so much CPU time, and the end of what it said."""
    with tempfile.TemporaryDirectory(prefix="plain-") as folder:
        stdin = test.stdin if isinstance(test, StdioTest) else ""
        arguments = _lay_out(Path(folder), program, test, entry_point)
        status, out, said = await _run(folder, arguments, stdin, cpu_seconds + _START_SECONDS)
    if isinstance(test, StdioTest):
        return status == 0 and _lines(out) == _lines(test.stdout), said[-300:]
    if isinstance(test, UnittestTest) and re.search(r"^Ran 0 tests", said, re.MULTILINE):
        return False, said
    return status == 0, (out + said)[-300:]


def _lay_out(folder: Path, program: str, test: Test, entry_point: str | None) -> list[str]:
    """Write the files; the arguments for Python."""
    (folder / "solution.py").write_text(program, encoding="utf-8")
    if isinstance(test, StdioTest):
        return ["solution.py"]
    if isinstance(test, CallTest):
        return ["-c", _CALL.format(args=test.args, expected=test.expected, atol=test.atol, entry_point=entry_point)]
    if isinstance(test, UnittestTest):
        (folder / "test_program.py").write_text(f"{program}\n\n{test.code}", encoding="utf-8")
        return ["-m", "unittest", "-f", "test_program"]
    (folder / "test_program.py").write_text(test.code, encoding="utf-8")
    if isinstance(test, PytestTest):
        return _PYTEST
    return ["-c", _CHECK.format(entry_point=entry_point) if isinstance(test, CheckTest) else _AFTER_THE_PROGRAM]


async def _run(folder: str, arguments: list[str], stdin: str, cpu_seconds: int) -> tuple[int, str, str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8"}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    )
    with contextlib.suppress(ProcessLookupError):  # It has ended by now.
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    try:
        out, said = await within(_SLEEPING_SECONDS, process.communicate(stdin.encode()))
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return -1, "", "no end"
    return process.returncode or 0, out.decode(errors="replace"), said.decode(errors="replace")


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]

"""`python -m MODULE WORDS` many times over, in copies of one process that has imported what is slow to import.

Run as a process of its own, so that nothing of the tests is in it: a JSON list of [module, words, folder] on stdin, a list of [status,
output, errors] on stdout, in its order.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LIMIT_SECONDS = 600
"""A command that goes on so long is ended by SIGALRM, and its status is -14."""


def run_modules(
    commands: Sequence[tuple[str, Sequence[str], Path | None]], environment: dict[str, str], imported: Sequence[str] = ()
) -> list[subprocess.CompletedProcess[str]]:
    """What became of each command, two at a time; what is `imported` beside the slowest, they all need not import again."""
    asked = json.dumps([[module, list(words), str(folder or Path.cwd())] for module, words, folder in commands])
    done = subprocess.run(
        [sys.executable, __file__, *imported], input=asked, stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return [subprocess.CompletedProcess(words, *told) for (_, words, _), told in zip(commands, json.loads(done.stdout), strict=True)]


def _run(module: str, words: list[str], folder: str) -> tuple[int, str, str]:
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        pid = os.fork()
        if pid == 0:
            os._exit(_become(module, words, folder, output.fileno(), errors.fileno()))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        output.seek(0)
        errors.seek(0)
        return status, output.read(), errors.read()


def _become(module: str, words: list[str], folder: str, output: int, errors: int) -> int:
    signal.alarm(LIMIT_SECONDS)
    os.chdir(folder)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    sys.argv = [module, *words]
    sys.path[0] = ""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as stopped:
        status = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    import pydantic_settings  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401

    for name in sys.argv[1:]:
        importlib.import_module(name)
    commands = json.load(sys.stdin)
    # A copy of a process with threads has only the one that copied: these wait, and hold nothing.
    with ThreadPoolExecutor(2) as pool:
        print(json.dumps(list(pool.map(lambda command: _run(*command), commands))))

"""Executing the program itself, as a module or as a script."""

from __future__ import annotations

import binascii
import builtins
import os
import sys
import types
from typing import Any

from reward_servers.sandbox.worker.inside.report import Report
from reward_servers.sandbox.worker.protocol import EXIT_OUT_OF_MEMORY, EXIT_REFUSED


def load(program: str, name: str = "solution") -> types.ModuleType:
    """Execute the program as the body of a module, so that what stands under `if __name__ == "__main__"` does not run."""
    module = types.ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module
    exec(compile(program, f"{name}.py", "exec", dont_inherit=True), module.__dict__)
    return module


def run_script(work: dict[str, Any], report: Report) -> int:
    """Execute the program as `python program.py` would; its exit code. Files are put beside it before and reported after, as base64."""
    for name, content in work["files"].items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    sys.argv = ["program.py"]
    status = _execute(work["program"], main)
    _wind_down()
    for name in work["fetch"]:
        if os.path.isfile(name):
            with open(name, "rb") as file:
                report.write("file", name, binascii.b2a_base64(file.read(), newline=False).decode())
    return status


def _execute(program: str, main: types.ModuleType) -> int:
    try:
        exec(compile(program, "program.py", "exec", dont_inherit=True), main.__dict__)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code & 255 if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        import traceback

        traceback.print_exc()
        return EXIT_OUT_OF_MEMORY if isinstance(error, MemoryError) else EXIT_REFUSED if isinstance(error, PermissionError) else 1
    return 0


def _wind_down() -> None:
    """What the interpreter does at its end: wait for threads, run `atexit` (some programs print their answer there), flush."""
    if "threading" in sys.modules:
        getattr(sys.modules["threading"], "_shutdown")()  # noqa: B009
    import atexit

    getattr(atexit, "_run_exitfuncs")()  # noqa: B009
    sys.stdout.flush()
    sys.stderr.flush()

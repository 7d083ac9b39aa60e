"""One program's process: put on the last fetters, read the job, run it, write what came of it, vanish.

Runs in a fork of the zygote. Everything after `_fetter` shares the process with a program that nobody trusts: what is written here is
believed only as far as the mode allows (in `calls`, as values that the referee compares; in `inline`, as the tests' verdicts).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import types
from typing import Any

from reward_servers.sandbox.worker import kernel, landlock, seccomp
from reward_servers.sandbox.worker.jail import LANDLOCK_FD, Jail

_MEGABYTE = 1 << 20
RESULT_BYTES = 16 * _MEGABYTE
FIRST_FD = LANDLOCK_FD + 1


def main(jail: Jail, order: dict[str, Any], fds: list[int], base_memory: int) -> None:
    """Never returns. `fds` are job, results, bell, and for a script stdin, stdout, stderr."""
    status = 70
    try:
        work, report = _prepare(jail, order, fds, base_memory)
        if order["role"] == "script":
            status = _run_script(work["program"])
        elif order["role"] == "calls":
            run_calls(work["program"], work["calls"], report)
            status = 0
        else:
            from reward_servers.sandbox.worker import inline

            inline.run(work["program"], work["entry_point"], report)
            status = 0
    except MemoryError:
        status = 71
    finally:
        os._exit(status)


def _prepare(jail: Jail, order: dict[str, Any], fds: list[int], base_memory: int) -> tuple[dict[str, Any], Report]:
    job, results, bell = _place(fds)
    try:
        _fetter(jail, order, base_memory)
        work = json.loads(_read_all(job))
    except Exception as error:
        os.write(bell, f"x{type(error).__name__}: {error}".encode())
        raise
    os.write(bell, b"r")
    return work, Report(results, bell)


def _place(fds: list[int]) -> tuple[int, int, int]:
    """Stdio to where it belongs, the rest out of its way, everything else closed."""
    high = [os.dup2(fd, FIRST_FD + index, inheritable=False) for index, fd in enumerate(fds)]
    if len(high) == 6:
        stdio = high[3:]
    else:
        null = os.open("/dev/null", os.O_RDWR)
        stdio = [null, null, null]
    for target, fd in enumerate(stdio):
        os.dup2(fd, target)
    os.closerange(3, LANDLOCK_FD)
    os.closerange(FIRST_FD + 3, 1024)
    return high[0], high[1], high[2]


def _fetter(jail: Jail, order: dict[str, Any], base_memory: int) -> None:
    os.setsid()
    os.chdir(jail.work)
    limits = order["limits"]
    cpu = int(limits["cpu_total"]) + 2
    size = max(limits["output_kb"] * 1024 + 1, RESULT_BYTES)
    for name, value in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, base_memory + limits["memory_mb"] * _MEGABYTE),
        (resource.RLIMIT_FSIZE, size),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(name, (value, value))
    if jail.uid is not None:
        os.setgroups([])
        os.setresgid(jail.uid, jail.uid, jail.uid)
        os.setresuid(jail.uid, jail.uid, jail.uid)
    elif jail.pid_namespace is not None:
        kernel.drop_capabilities()
    if limits["processes"] and (jail.uid is not None or jail.pid_namespace is not None):
        resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"] + 64, limits["processes"] + 64))
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if jail.landlock is not None:
        landlock.restrict(jail.landlock)
        os.close(jail.landlock)
    program = jail.filters[bool(limits["processes"])]
    if program is not None:
        seccomp.install(program, os.getpid())


class Report:
    """Writes one JSON line per event into the results file, and rings the referee's bell when it has not rung for a while.

    A hung call cannot lose what was written before it, and a fast one does not wake the referee each time.
    """

    _QUIET = 0.002

    def __init__(self, results: int, bell: int) -> None:
        self._results = results
        self.bell = bell
        self._rung = time.perf_counter()

    def write(self, *event: Any, ring: bool = False) -> None:
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(self._results, line) :]
        now = time.perf_counter()
        if ring or now - self._rung > self._QUIET:
            self._rung = now
            os.write(self.bell, b"!")


def load(program: str, name: str) -> types.ModuleType:
    """Execute the program as module `name`."""
    module = types.ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module
    exec(compile(program, f"{name}.py", "exec", dont_inherit=True), module.__dict__)
    return module


def run_calls(program: str, calls: list[str], report: Report) -> None:
    """Evaluate each expression in the program's namespace and write its value or exception."""
    from reward_servers.sandbox.worker.values import NotPlain, encode

    try:
        namespace = load(program, "solution").__dict__
    except BaseException as error:
        report.write("load_error", *describe(error))
        return
    report.write("loaded")
    for source in calls:
        try:
            event: tuple[Any, ...] = ("value", encode(eval(compile(source, "test", "eval", dont_inherit=True), namespace)))
        except NotPlain as error:
            event = ("not_plain", str(error))
        except BaseException as error:
            event = ("error", *describe(error))
        report.write(*event)


def describe(error: BaseException) -> tuple[str, str]:
    """Kind of outcome and a sentence, for an exception that a program let go."""
    kind = "out_of_memory" if isinstance(error, MemoryError) else "refused" if isinstance(error, PermissionError) else "failed"
    try:
        text = f"{type(error).__name__}: {error}"[:500]
    except Exception:
        text = "an exception without a message"
    return kind, text


def _run_script(program: str) -> int:
    """Execute the program as `__main__`, as `python program.py` would, with exit code and traceback."""
    import atexit
    import threading
    import traceback

    main_module = types.ModuleType("__main__")
    main_module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main_module
    sys.argv = ["program.py"]
    status = 0
    try:
        exec(compile(program, "program.py", "exec", dont_inherit=True), main_module.__dict__)
    except SystemExit as error:
        status = 0 if error.code is None else error.code & 255 if isinstance(error.code, int) else 1
    except MemoryError:
        status = 71
    except PermissionError:
        status = 72
        traceback.print_exc()
    except BaseException:
        status = 1
        traceback.print_exc()
    getattr(threading, "_shutdown")()  # noqa: B009 - waits for threads that are not daemons, as the interpreter does at its end
    getattr(atexit, "_run_exitfuncs")()  # noqa: B009
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _read_all(fd: int) -> bytes:
    parts, offset = [], 0
    while part := os.pread(fd, _MEGABYTE, offset):
        parts.append(part)
        offset += len(part)
    os.close(fd)
    return b"".join(parts)

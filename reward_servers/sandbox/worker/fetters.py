"""What each child puts on before it reads its job: limits, a user without rights, Landlock, the system-call filter."""

from __future__ import annotations

import os
import resource
import signal
from typing import Any

from reward_servers.sandbox.worker import kernel, landlock
from reward_servers.sandbox.worker.jail import Jail
from reward_servers.sandbox.worker.process import RESULT_BYTES

_MEGABYTE = 1 << 20
_THREADS = 64


def put_on(jail: Jail, limits: dict[str, Any], base_memory: int) -> None:
    """Fetter this process for good. Raises `OSError` when a layer that the jail promises cannot be had."""
    if jail.pid_namespace is None:
        os.setsid()
    os.chdir(jail.work)
    _set_limits(limits, base_memory)
    if jail.counts_tasks:
        _limit(resource.RLIMIT_NPROC, limits["processes"] + _THREADS)
    _drop_rights(jail)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if jail.landlock is not None:
        landlock.restrict(jail.landlock)
        os.close(jail.landlock)
    program = jail.filters.get(bool(limits["processes"]))
    if program is not None:
        program.install(os.getpid())


def _set_limits(limits: dict[str, Any], base_memory: int) -> None:
    _limit(resource.RLIMIT_CPU, int(limits["cpu_total"]) + 2)
    _limit(resource.RLIMIT_AS, base_memory + limits["memory_mb"] * _MEGABYTE)
    _limit(resource.RLIMIT_FSIZE, max(limits["output_kb"] * 1024 + 1, RESULT_BYTES))
    _limit(resource.RLIMIT_NOFILE, 256)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MSGQUEUE, 0)


def _limit(name: int, value: int) -> None:
    resource.setrlimit(name, (value, value))


def _drop_rights(jail: Jail) -> None:
    if jail.uid is not None:
        os.setgroups([])
        os.setresgid(jail.uid, jail.uid, jail.uid)
        os.setresuid(jail.uid, jail.uid, jail.uid)
    else:
        kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)

"""What keeps a program in: put on by the zygote where that is enough, once and for all, and by each child where it must be.

A limit or a filter that the zygote has, its forks inherit. So children add only what the zygote could not work with.
"""

from __future__ import annotations

import os
import resource
import signal
from typing import Any

from reward_servers.sandbox.worker.jail import kernel, landlock
from reward_servers.sandbox.worker.jail.jail import Jail
from reward_servers.sandbox.worker.protocol import RESULT_BYTES

_DESCRIPTORS = 256
_THREADS = 64
_MOVES = 2
"""The version of Landlock from which files can be moved between folders under it, as tidying up does."""


def put_on_zygote(jail: Jail) -> None:
    """What does not hinder a zygote. With a root of its own it needs no other files, and can live under Landlock itself."""
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MSGQUEUE, 0)
    _, most = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (most, most))  # As judges do; the limit of memory counts the stack, too.
    if jail.uid is not None:
        os.setgroups([])
        os.setresgid(jail.uid, jail.uid, jail.uid)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if jail.own_root and jail.landlock is not None and landlock.version() >= _MOVES:
        landlock.restrict(jail.landlock)
        os.close(jail.landlock)
        jail.landlock = None
    if jail.zygote_filter is not None:
        jail.zygote_filter.install()


def put_on_child(jail: Jail, limits: dict[str, Any]) -> None:
    """The rest, for good. Raises `OSError` when a layer that the jail promises cannot be had."""
    os.chdir(jail.work)
    _limit(resource.RLIMIT_CPU, int(limits["cpu_total"]) + 2)
    _limit(resource.RLIMIT_AS, limits["address_space"])
    _limit(resource.RLIMIT_FSIZE, max(limits["output_kb"] * 1024 + 1, RESULT_BYTES))
    if jail.counts_tasks:
        _limit(resource.RLIMIT_NPROC, limits["processes"] + _THREADS)
    if jail.uid is not None:
        os.setresuid(jail.uid, jail.uid, jail.uid)
    else:
        kernel.drop_capabilities()
    if jail.pid_namespace is None:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if jail.landlock is not None:
        landlock.restrict(jail.landlock)
        os.close(jail.landlock)
    program = jail.filters.get(bool(limits["processes"]))
    if program is not None:
        if jail.pid_namespace is None:
            program.set_pid(os.getpid())
        program.install()


def _limit(name: int, value: int) -> None:
    resource.setrlimit(name, (value, value))

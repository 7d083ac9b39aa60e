"""The zygote: a warm, clean interpreter that forks one child per order and reports its end.

It never sees a program or a test: an order carries limits and file descriptors only, and the child reads its job itself. So no memory of
earlier work can be found in a later child.

    order   ("fork", number, role, limits) with descriptors, ("kill", number), ("warm", 0) with a socket
    answer  (number, wait status, CPU seconds), when the child is buried

Its first message says that it can fork: the layers of isolation; that of the one with more imported, which of `HEAVY` are not installed.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import select
import signal
import socket
import sys
from typing import Any

from reward_servers.sandbox.worker.jail import child, kernel
from reward_servers.sandbox.worker.jail import jail as jails
from reward_servers.sandbox.worker.jail.rehearsal import rehearse_frameworks

LIGHT = ["bisect", "collections", "copy", "datetime", "functools", "heapq", "itertools", "json", "math", "operator", "random", "re"]
LIGHT += ["string", "time", "typing", "types", "collections.abc", "enum"]
HEAVY = ["unittest", "unittest.mock", "numpy", "pytest", "_pytest.assertion.rewrite", "statistics", "fractions", "decimal"]
HEAVY += ["asyncio", "dataclasses", "logging", "contextlib", "inspect", "tempfile"]
MAX_FDS = 8


def preload(names: list[str]) -> None:
    """Import what is installed of `names`.

    What they would do in every fork is left out: above all `random` would seed itself anew. So chance is the same in every run of a
    program, and with it the verdict; and a fork is cheaper.
    """
    register, os.register_at_fork = os.register_at_fork, lambda **hooks: None
    try:
        for name in names:
            with contextlib.suppress(ImportError):
                __import__(name)
    finally:
        os.register_at_fork = register
    sys.modules["random"].seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)


def freeze() -> None:
    """Take all that lives out of the garbage collector's sight, so that no fork's collection touches it."""
    gc.collect()
    gc.freeze()


class Zygote:
    """Forks a child per order of the referee at the other end of `control`."""

    def __init__(self, control: socket.socket, jail: jails.Jail) -> None:
        self._control = control
        self._jail = jail
        self._pids: dict[int, int] = {}
        """Number of the order to pid, of children that are not buried yet."""
        self._numbers: dict[int, int] = {}
        """Descriptor of the process to number of the order."""
        self._poller = select.poll()
        self._poller.register(control, select.POLLIN)

    def serve(self) -> None:
        """Obey until the referee goes away."""
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        while True:
            for fd, _ in self._poller.poll():
                if fd != self._control.fileno():
                    self._bury(fd)
                elif not self._obey():
                    for pid in self._pids.values():
                        self._kill(pid)
                    return

    def _obey(self) -> bool:
        """Carry out the next order; False when there will be no more."""
        data, fds, _, _ = socket.recv_fds(self._control, 1 << 16, MAX_FDS)
        if not data:
            return False
        what, number, *details = marshal.loads(data)
        if what == "fork":
            self._fork(number, details[0], details[1], fds)
        elif what == "warm":
            self._become_heavy(fds)
        elif number in self._pids:
            self._kill(self._pids[number])
        for fd in fds:
            os.close(fd)
        return True

    def _fork(self, number: int, role: str, limits: dict[str, Any], fds: list[int]) -> None:
        if self._jail.pid_namespace is not None:
            kernel.unshare(kernel.NEWPID)
        pid = os.fork()
        if pid == 0:
            child.main(self._jail, role, limits, fds)
        if self._jail.pid_namespace is not None:
            kernel.setns(self._jail.pid_namespace, kernel.NEWPID)
        pidfd = os.pidfd_open(pid)
        self._pids[number] = pid
        self._numbers[pidfd] = number
        self._poller.register(pidfd, select.POLLIN)

    def _bury(self, pidfd: int) -> None:
        """Take leave of a child that has ended, and of all that it left."""
        number = self._numbers.pop(pidfd)
        pid = self._pids[number]
        self._poller.unregister(pidfd)
        os.close(pidfd)
        if self._jail.pid_namespace is None:
            self._kill(pid)
        _, status, usage = os.wait4(pid, 0)
        del self._pids[number]
        if self._jail.pid_namespace is None:
            self._kill_strays()
        if not self._pids:
            jails.clean(self._jail)
        self._control.send(marshal.dumps((number, status, usage.ru_utime + usage.ru_stime)))

    def _kill(self, pid: int) -> None:
        """Kill a child that is not yet buried; the first process of a pid namespace takes all the others along."""
        os.kill(pid, signal.SIGKILL)
        if self._jail.pid_namespace is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def _kill_strays(self) -> None:
        """Kill what a program left behind: orphans come to this process, the subreaper, and theirs after them."""
        while strays := _children(self._jail) - set(self._pids.values()) - self._jail.own_children:
            for pid in strays:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _become_heavy(self, fds: list[int]) -> None:
        """Fork a second zygote, with more imported, that serves the socket that came with the order."""
        pid = os.fork()
        self._jail.own_children.add(pid)
        if pid == 0:
            try:
                self._jail.own_children.clear()
                self._control.close()
                own = socket.socket(fileno=fds[0])
                preload(HEAVY)
                rehearse_frameworks(self._jail.tests)
                jails.clean(self._jail)
                freeze()
                own.send(marshal.dumps([name for name in HEAVY if name not in sys.modules]))
                Zygote(own, self._jail).serve()
            except BaseException as error:
                complain(error)
            finally:
                os._exit(0)


def complain(error: BaseException) -> None:
    """Show on standard error why a zygote ends."""
    import traceback

    traceback.print_exception(error)


def _children(jail: jails.Jail) -> set[int]:
    pid = os.getpid()
    fd = os.open(f"{pid}/task/{pid}/children", os.O_RDONLY, dir_fd=jail.proc)
    with open(fd) as file:
        return set(map(int, file.read().split()))

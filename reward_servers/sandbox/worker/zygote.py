"""The zygote: a warm, clean interpreter that forks one child per order and reports its end.

It never sees a program or a test: an order carries limits and file descriptors only, and the child reads its job itself. So no memory of
earlier work can be found in a later child.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
from typing import Any

from reward_servers.sandbox.worker import child, kernel
from reward_servers.sandbox.worker import jail as jails
from reward_servers.sandbox.worker.pytests import run_source

LIGHT = ["bisect", "collections", "copy", "datetime", "functools", "heapq", "itertools", "json", "math", "operator", "random", "re"]
LIGHT += ["string", "time", "typing", "types", "collections.abc", "dataclasses", "enum"]
HEAVY = ["unittest", "unittest.mock", "numpy", "pytest", "_pytest.assertion.rewrite", "statistics", "fractions", "decimal"]
MAX_FDS = 8


def preload(names: list[str]) -> None:
    """Import what is installed of `names`, then freeze the heap so that forks share its pages."""
    for name in names:
        try:
            __import__(name)
        except ImportError:
            continue
    gc.collect()
    gc.freeze()


def serve(control: socket.socket, jail: jails.Jail) -> None:
    """Fork a child per order until the referee goes away."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    base_memory = _virtual_memory(jail)
    children: dict[int, int] = {}  # pidfd -> pid
    poller = select.poll()
    poller.register(control, select.POLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == control.fileno():
                if not _obey(control, jail, children, poller, base_memory):
                    jails.dismantle(jail)
                    return
            else:
                poller.unregister(fd)
                _bury(fd, children.pop(fd), control, jail, children)
                if not children:
                    jails.clean(jail)


def _obey(control: socket.socket, jail: jails.Jail, children: dict[int, int], poller: select.poll, base_memory: int) -> bool:
    """Carry out the next order; False when there will be no more."""
    data, fds, _, _ = socket.recv_fds(control, 1 << 16, MAX_FDS)
    if not data:
        for pid in children.values():
            _kill(pid, jail)
        return False
    order = json.loads(data)
    if order["do"] == "kill":
        if order["pid"] in children.values():
            _kill(order["pid"], jail)
    elif order["do"] == "warm":
        _become_heavy(fds, control, jail)
    else:
        pid = _fork(jail, order, fds, base_memory)
        pidfd = os.pidfd_open(pid)
        children[pidfd] = pid
        poller.register(pidfd, select.POLLIN)
        control.send(b'{"pid": %d}' % pid)
    for fd in fds:
        os.close(fd)
    return True


def _fork(jail: jails.Jail, order: dict[str, Any], fds: list[int], base_memory: int) -> int:
    if jail.pid_namespace is not None:
        kernel.unshare(kernel.NEWPID)
    pid = os.fork()
    if pid == 0:
        child.main(jail, order, fds, base_memory)
    if jail.pid_namespace is not None:
        kernel.setns(jail.pid_namespace, kernel.NEWPID)
    return pid


def _become_heavy(fds: list[int], control: socket.socket, jail: jails.Jail) -> None:
    """Fork a second zygote, with more imported, that serves the socket that came with the order."""
    pid = os.fork()
    jail.own_children.add(pid)
    if pid == 0:
        try:
            jail.own_children.clear()
            control.close()
            own = socket.socket(fileno=fds[0])
            preload(HEAVY)
            _rehearse()
            own.send(b'{"ready": true}')
            serve(own, jail)
        finally:
            os._exit(0)


def _rehearse() -> None:
    """Run a small pytest once: what it imports on its first run need not be imported by every fork."""
    if "pytest" in sys.modules:
        source = (
            "import pytest\n\n@pytest.mark.parametrize('x', [1])\ndef test_x(x):\n    with pytest.raises(ValueError):\n        int('x')\n"
        )
        run_source(ast.parse(source), source, "rehearsal.py")
        gc.collect()
        gc.freeze()


def _kill(pid: int, jail: jails.Jail) -> None:
    """Kill a child that is not yet buried; with a pid namespace of its own, its first process takes all the others along."""
    os.kill(pid, signal.SIGKILL)
    if jail.pid_namespace is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _bury(pidfd: int, pid: int, control: socket.socket, jail: jails.Jail, children: dict[int, int]) -> None:
    os.close(pidfd)
    _kill(pid, jail)
    _, status, usage = os.wait4(pid, 0)
    if jail.pid_namespace is None:
        _kill_strays(jail, children)
    control.send(b'{"ended": %d, "status": %d, "cpu": %f}' % (pid, status, usage.ru_utime + usage.ru_stime))


def _kill_strays(jail: jails.Jail, children: dict[int, int]) -> None:
    """Kill what a program left behind: orphans come to this process, the subreaper, and theirs after them."""
    while strays := _children(jail) - set(children.values()) - jail.own_children:
        for pid in strays:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _children(jail: jails.Jail) -> set[int]:
    pid = os.getpid()
    fd = os.open(f"{pid}/task/{pid}/children", os.O_RDONLY, dir_fd=jail.proc)
    with open(fd) as file:
        return set(map(int, file.read().split()))


def _virtual_memory(jail: jails.Jail) -> int:
    """Bytes of address space before any program: a program's own memory limit starts there."""
    fd = os.open("self/statm", os.O_RDONLY, dir_fd=jail.proc)
    try:
        return int(os.read(fd, 100).split()[0]) * resource.getpagesize()
    finally:
        os.close(fd)

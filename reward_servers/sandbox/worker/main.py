"""Start a worker: split into zygote and referee before any job is known, then serve the jobs that come on standard input."""

from __future__ import annotations

import functools
import json
import marshal
import os
import signal
import site
import socket
import struct
import sys
from typing import Any

from reward_servers.sandbox.worker.protocol import connect_pair, host_folders


def main() -> None:
    """Serve the jobs that come on standard input, a socket, until it is closed.

    Of the process's arguments, the first is the folder of this package, which no program gets to see; the second is JSON: `libraries`,
    the folders of installed packages, which programs may import, and `without`, layers of isolation to leave out.
    """
    package_root, options = sys.argv[1], json.loads(sys.argv[2])
    libraries, without = options["libraries"], options["without"]
    # Ctrl-C is for the command whose sandbox this is; the worker ends when that closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # Blocked since its start; a program's signals are as anywhere.
    sys.dont_write_bytecode = True
    sys.executable = os.path.realpath(sys.executable)
    sys.path = [path for path in sys.path if path != package_root] + libraries
    caller = os.dup(0)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    ours, theirs = connect_pair()
    mount_point = f"/tmp/code-reward-{os.getppid()}-{os.urandom(4).hex()}"
    os.mkdir(mount_point, 0o700)
    launcher = os.fork()
    if launcher == 0:
        for fd in (caller, null, ours.fileno()):
            os.close(fd)
        _be_zygote(theirs, libraries, mount_point, without)
    theirs.close()
    # Imported only now: what the referee needs is no weight for the zygote's forks.
    from reward_servers.sandbox.worker.referee.link import Link, ZygoteLost
    from reward_servers.sandbox.worker.referee.referee import Referee

    link = Link(ours)
    try:
        layers = link.hear_ready()
    finally:
        os.rmdir(mount_point)
    os.waitpid(launcher, os.WNOHANG)  # It has ended if the zygote is a fork of it.
    _send(caller, layers)
    referee = Referee(link, host_folders(mount_point) if layers.get("root", "no").startswith("no") else ())
    while (job := _receive(caller)) is not None:
        sign = functools.partial(_send, caller, {"id": job["id"]})
        try:
            _send(caller, {"id": job["id"], "answer": referee.answer(job, sign)})
        except (ZygoteLost, ConnectionError):
            return


def _be_zygote(control: socket.socket, libraries: list[str], mount_point: str, without: list[str]) -> None:
    from reward_servers.sandbox.worker.jail import fetters, jail, rehearsal, zygote

    try:
        sys.set_int_max_str_digits(0)  # As judges do: it guards servers against what a limit of CPU time guards us against.
        site.setquit()
        site.sethelper()
        zygote.preload(zygote.LIGHT)
        surroundings = jail.build([sys.base_prefix, sys.exec_prefix, *libraries], mount_point, frozenset(without))
        fetters.put_on_zygote(surroundings)
        rehearsal.rehearse()
        zygote.freeze()
        control.send(marshal.dumps(surroundings.layers))
        zygote.Zygote(control, surroundings).serve()
        jail.dismantle(surroundings)
    except BaseException as error:
        zygote.complain(error)
    finally:
        os._exit(0)


def _receive(fd: int) -> dict[str, Any] | None:
    header = _read(fd, 4)
    if header is None:
        return None
    body = _read(fd, struct.unpack("!I", header)[0])
    if body is None:
        return None
    job: dict[str, Any] = json.loads(body)
    return job


def _read(fd: int, size: int) -> bytes | None:
    parts = []
    while size:
        part = os.read(fd, size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _send(fd: int, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    data = struct.pack("!I", len(data)) + data
    while data:
        data = data[os.write(fd, data) :]

"""Start a worker: split into zygote and referee before any job is known, then serve the jobs that come on standard input."""

from __future__ import annotations

import json
import os
import site
import socket
import struct
import sys
from typing import Any

from reward_servers.sandbox.worker import jail, zygote
from reward_servers.sandbox.worker.link import Link, ZygoteLost
from reward_servers.sandbox.worker.referee import Referee


def main(package_root: str, libraries: list[str]) -> None:
    """Serve jobs until standard input ends. `package_root` is where this package lies, which no program gets to see."""
    sys.executable = os.path.realpath(sys.executable)
    sys.path = [path for path in sys.path if path != package_root] + libraries
    jobs, answers = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        for fd in (jobs, answers, null, ours.fileno()):
            os.close(fd)
        _be_zygote(theirs, libraries)
    theirs.close()
    layers = json.loads(ours.recv(1 << 16) or b'{"error": "the zygote did not start"}')
    _send(answers, layers)
    referee = Referee(Link(ours))
    while (job := _receive(jobs)) is not None:
        try:
            _send(answers, referee.answer(job))
        except (ZygoteLost, ConnectionError):
            return


def _be_zygote(control: socket.socket, libraries: list[str]) -> None:
    try:
        site.setquit()
        site.sethelper()
        zygote.preload(zygote.LIGHT)
        surroundings = jail.build([sys.base_prefix, sys.exec_prefix, *libraries])
        control.send(json.dumps(surroundings.layers).encode())
        zygote.serve(control, surroundings)
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

"""What both sides of a worker, the referee and the children, must agree on."""

from __future__ import annotations

import socket

EXIT_BROKEN, EXIT_OUT_OF_MEMORY, EXIT_REFUSED = 70, 71, 72
"""Exit codes of a child: it could not begin, it had too little memory, it was refused something."""
FINE, FAILED, NO_MEMORY, NO_RIGHT = range(4)
"""How something ended, as a child may put it."""
RESULT_BYTES = 16 << 20
"""All that a child may write as results; what makes more is cut off."""
TEST_FILE = "test_program.py"
"""What a test's source is called in tracebacks."""
NOTE, OTHER = "_note", "_other"
"""The names by which counter-tests find `inside.notes`."""


def host_folders(mount_point: str) -> tuple[str, str]:
    """Where programs work and where their tests lie, on the host's disk, when they have no file system of their own."""
    return f"{mount_point}-work", f"{mount_point}-tests"


def connect_pair() -> tuple[socket.socket, socket.socket]:
    """A line between a referee and a zygote: the referee's end, which tells with each message who sent it, and the zygote's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs

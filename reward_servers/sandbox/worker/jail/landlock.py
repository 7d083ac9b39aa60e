"""Landlock: the kernel's file-system (and, newer, TCP and signal) fence that a process may put around itself without privilege.

A program may read the interpreter's own files and use its working directory, nothing else.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from reward_servers.sandbox.worker.jail import kernel

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14)


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """The kernel's Landlock ABI; 0 where there is none."""
    try:
        return kernel.syscall("landlock_create_ruleset", 0, 0, 1)
    except OSError:
        return 0


def create(readable: Sequence[str], writable: Sequence[str]) -> int:
    """A ruleset, as a file descriptor, under which only these paths can be read, and only `writable` ones written."""
    abi = version()
    files = (1 << (13 if abi < 2 else 14 if abi < 3 else 15 if abi < 5 else 16)) - 1
    ruleset = _Ruleset(files, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    fd = kernel.syscall("landlock_create_ruleset", ctypes.byref(ruleset), size, 0)
    for path in readable:
        _allow(fd, path, _READ & files)
    for path in writable:
        _allow(fd, path, files)
    os.set_inheritable(fd, False)
    return fd


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        access &= _FILE_ONLY
    try:
        rule = _PathRule(access, parent)
        kernel.syscall("landlock_add_rule", ruleset, 1, ctypes.byref(rule), 0)
    finally:
        os.close(parent)


def restrict(ruleset: int) -> None:
    """Fence this process and all that come from it, for good."""
    kernel.syscall("landlock_restrict_self", ruleset, 0)

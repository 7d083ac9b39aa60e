"""The few Linux system calls that Python has no function for, by ctypes. Each raises `OSError` when the kernel refuses."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 36, 38

MACHINE = os.uname().machine
# Numbers that glibc has no wrapper for; those above 424 are the same on every architecture.
_NUMBERS = {"x86_64": {"pivot_root": 155, "capset": 126}, "aarch64": {"pivot_root": 41, "capset": 91}}
_SHARED = {"mount_setattr": 442, "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446}


def unshare(flags: int) -> None:
    """Give this process namespaces of its own (of pid: its future children)."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, flags: int) -> None:
    """Enter the namespace that `fd` names."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(flags)), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2); empty strings become null pointers."""
    arguments = [text.encode() or None for text in (source, target, kind)]
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def unmount(target: str) -> None:
    """Detach a mount at once, busy or not."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def prepare_prctl(option: int, *arguments: int) -> Callable[[], None]:
    """A prctl(2) whose arguments are converted now, so that a fork that calls it touches little."""
    call = functools.partial(_libc.prctl, ctypes.c_int(option), *[ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]])

    def do() -> None:
        if call() == -1:
            _check(-1, f"prctl {option}")

    return do


def prctl(option: int, *arguments: int) -> None:
    """prctl(2) with integer arguments."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc.prctl(ctypes.c_int(option), *padded), f"prctl {option}")


def syscall(name: str, *arguments: object) -> int:
    """A raw system call by name; integers are passed as longs, ctypes objects as they are."""
    number = _SHARED.get(name) or _NUMBERS.get(MACHINE, {}).get(name)
    if number is None:
        raise OSError(38, f"{name} is not known for {MACHINE}")
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *converted), name)


def drop_capabilities() -> None:
    """Empty this process's capability sets."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    syscall("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def cpu_seconds(pid: int) -> float | None:
    """CPU time that the process has used, all threads together, read from outside; None when it is gone."""
    import time

    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


def _check(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result

"""The system-call filter: no sockets, no new processes unless allowed, no signals to others, none of the kernel's rarer doors.

What is forbidden fails with EPERM, so that a program that probes and copes goes on; one that does not ends with PermissionError, which the
outcome names `refused`. The filter is classic BPF, assembled here; it knows x86-64 and arm64 and is left out, and reported as absent,
elsewhere.
"""

from __future__ import annotations

import ctypes
import errno
import re
import struct
from typing import NamedTuple

from reward_servers.sandbox.worker.jail import kernel

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Name to number: (x86-64, arm64), -1 where the architecture does not have the call.
Calls = dict[str, tuple[int, int]]
NEVER_NEEDED: Calls = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "process_madvise": (440, 440), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262), "quotactl": (179, 60),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "personality": (135, 92), "mq_open": (240, 180), "msgget": (68, 186),
    "semget": (64, 190), "shmget": (29, 194), "iopl": (172, -1), "ioperm": (173, -1), "modify_ldt": (154, -1), "syslog": (103, 116),
    "vhangup": (153, 58), "lookup_dcookie": (212, 18), "mbind": (237, 235), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "sched_setparam": (142, 118), "process_mrelease": (448, 448),
    # What outlives a program on its files: attributes, access lists.
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    # Memory, and a budget of the whole machine, that no limit of a process counts.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "setsockopt": (54, 208), "io_setup": (206, 0),
}  # fmt: skip
"""What no interpreter needs, a zygote's neither."""
ZYGOTE_ONLY: Calls = {
    "pidfd_open": (434, 434), "unshare": (272, 97), "setns": (308, 268), "setuid": (105, 146), "setgid": (106, 144),
    "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159),
    "setfsuid": (122, 151), "setfsgid": (123, 152), "capset": (126, 91),
}  # fmt: skip
"""What a zygote needs and a program must not have."""
NEW_PROCESS: Calls = {"fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281)}
_CLONE, _CLONE3, _KILL, _TGKILL = (56, 220), (435, 435), (62, 129), (234, 131)
_PRLIMIT64, _SCHED_SETAFFINITY, _FCNTL, _IOCTL = (302, 261), (203, 122), (72, 25), (16, 29)
_CLONE_THREAD, _CLONE_NAMESPACES = 0x00010000, 0x7E020000
_NAME_OWNERS = ((_FCNTL, 8, 15), (_IOCTL, 0x8901, 0x8902))
"""F_SETOWN, F_SETOWN_EX; FIOSETOWN, SIOCSPGRP: who is sent a signal, any signal, when a descriptor has something to read."""
_RETURN_ALLOW, _RETURN_KILL, _RETURN_ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_PLACEHOLDER = 0x0BADC0DE
_LOAD, _RETURN, _EQUAL, _AT_LEAST, _ANY_BIT = 0x20, 0x06, 0x15, 0x35, 0x45
_NUMBER, _ARCH, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_X32 = 0x40000000
"""Where the numbers of the x32 calls begin, which are not listed and not needed."""


def for_zygotes() -> Filter | None:
    """What a zygote puts on, and so all of its forks have; None on an architecture that is not known."""
    return _assemble(NEVER_NEEDED, [])


def for_programs(*, may_fork: bool) -> Filter | None:
    """What each child adds: no rights to take, nothing done to others, and without `may_fork` threads only."""
    forbidden = ZYGOTE_ONLY if may_fork else {**ZYGOTE_ONLY, **NEW_PROCESS}
    clone = (_ANY_BIT, _CLONE_NAMESPACES, "deny", "allow") if may_fork else (_ANY_BIT, _CLONE_THREAD, "allow", "deny")
    own_pid, oneself = (_EQUAL, _PLACEHOLDER, "allow", "deny"), (_EQUAL, 0, "allow", "deny")
    tested = [Tested(_CLONE, _FIRST_ARGUMENT, [clone])]
    tested += [] if may_fork else [Tested(call, _FIRST_ARGUMENT, [own_pid]) for call in (_KILL, _TGKILL)]
    tested += [Tested(call, _FIRST_ARGUMENT, [oneself]) for call in (_PRLIMIT64, _SCHED_SETAFFINITY)]
    tested += [Tested(call, _SECOND_ARGUMENT, _none_of(*commands)) for call, *commands in _NAME_OWNERS]
    return _assemble(forbidden, tested)


Test = tuple[int, int, str, str]
"""A jump: operation, value, label if true, label if false."""


class Tested(NamedTuple):
    """A call that one of its arguments decides."""

    numbers: tuple[int, int]
    argument: int
    """Where the argument lies; its lower half is looked at, which is all that the kernel takes of a pid or a command."""
    tests: list[Test]


def _none_of(*values: int) -> list[Test]:
    *others, last = values
    return [*((_EQUAL, value, "deny", "next") for value in others), (_EQUAL, last, "deny", "allow")]


def _assemble(forbidden: Calls, tested: list[Tested]) -> Filter | None:
    """Deny the forbidden calls; decide the tested ones; allow the rest."""
    if kernel.MACHINE not in _ARCHITECTURE:
        return None
    column = 0 if kernel.MACHINE == "x86_64" else 1
    code: list[tuple[int, int] | Test | str] = [(_LOAD, _ARCH), (_EQUAL, _ARCHITECTURE[kernel.MACHINE], "next", "kill"), (_LOAD, _NUMBER)]
    code += [(_AT_LEAST, _X32, "deny", "next")] if column == 0 else []
    code += [(_EQUAL, numbers[column], "deny", "next") for numbers in forbidden.values() if numbers[column] >= 0]
    # glibc falls back from clone3, whose flags a filter cannot see, to clone.
    code += [(_EQUAL, _CLONE3[column], "absent", "next")] if tested else []
    code += [(_EQUAL, call.numbers[column], f"test{index}", "next") for index, call in enumerate(tested)]
    code += ["allow", (_RETURN, _RETURN_ALLOW), "deny", (_RETURN, _RETURN_ERRNO | errno.EPERM)]
    code += ["absent", (_RETURN, _RETURN_ERRNO | errno.ENOSYS), "kill", (_RETURN, _RETURN_KILL)]
    for index, call in enumerate(tested):
        code += [f"test{index}", (_LOAD, call.argument), *call.tests]
    return Filter(_encode(code))


def _encode(code: list[tuple[int, int] | Test | str]) -> bytes:
    """Instructions with labels to bytes. A jump goes forward only, so what tests jump back to comes again at the end."""
    code = [*code, "allow", (_RETURN, _RETURN_ALLOW), "deny", (_RETURN, _RETURN_ERRNO | errno.EPERM)]
    places: dict[str, list[int]] = {}
    instructions: list[tuple[int, int] | Test] = []
    for item in code:
        if isinstance(item, str):
            places.setdefault(item, []).append(len(instructions))
        else:
            instructions.append(item)
    encoded = []
    for place, (operation, value, *labels) in enumerate(instructions):
        jumps = [0 if label == "next" else next(at for at in places[label] if at > place) - place - 1 for label in labels]
        encoded.append(struct.pack("=HBBI", operation, *(jumps or (0, 0)), value))
    return b"".join(encoded)


class Filter:
    """An assembled filter, ready to be installed in forks."""

    def __init__(self, code: bytes) -> None:
        self._pids = [match.start() for match in re.finditer(re.escape(struct.pack("=I", _PLACEHOLDER)), code)]
        self._buffer = ctypes.create_string_buffer(code, len(code))
        self._header = _Header(len(code) // 8, ctypes.addressof(self._buffer))
        self.install = kernel.prepare_prctl(kernel.PR_SET_SECCOMP, 2, ctypes.addressof(self._header))
        """Filter this process and all that come from it, for good; needs PR_SET_NO_NEW_PRIVS."""

    def set_pid(self, pid: int) -> None:
        """The pid of the process that will install it, which is the only one that it may signal."""
        for place in self._pids:
            struct.pack_into("=I", self._buffer, place, pid)


class _Header(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]

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

from reward_servers.sandbox.worker import kernel

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: (x86-64, arm64); None where the architecture does not have the call.
_FORBIDDEN: dict[str, tuple[int | None, int]] = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsmount": (432, 432), "mount_setattr": (442, 442),
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147),
    "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151), "setfsgid": (123, 152), "capset": (126, 91),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262), "quotactl": (179, 60),
    # Memory that no limit of a process counts.
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "personality": (135, 92), "mq_open": (240, 180), "msgget": (68, 186),
    "semget": (64, 190), "shmget": (29, 194), "iopl": (172, -1), "ioperm": (173, -1), "modify_ldt": (154, -1), "syslog": (103, 116),
    "vhangup": (153, 58), "lookup_dcookie": (212, 18), "mbind": (237, 235), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
}  # fmt: skip
_NEW_PROCESS: dict[str, tuple[int | None, int]] = {"fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281)}
_CLONE, _CLONE3, _KILL, _TGKILL = (56, 220), (435, 435), (62, 129), (234, 131)
_CLONE_THREAD, _CLONE_NAMESPACES = 0x00010000, 0x7E020000
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_PLACEHOLDER = 0x0BADC0DE


def _errno(number: int) -> int:
    return 0x00050000 | number


def _statement(code: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, value)


def _jump(code: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


_LOAD, _RETURN, _EQUAL, _AT_LEAST, _ANY_BIT = 0x20, 0x06, 0x15, 0x35, 0x45


def assemble(*, may_fork: bool) -> Filter | None:
    """The filter; None on an architecture that is not known."""
    if kernel.MACHINE not in _ARCHITECTURE:
        return None
    column = 0 if kernel.MACHINE == "x86_64" else 1
    forbidden = dict(_FORBIDDEN) if may_fork else {**_FORBIDDEN, **_NEW_PROCESS}
    program = [_statement(_LOAD, 4), _jump(_EQUAL, _ARCHITECTURE[kernel.MACHINE], 1, 0), _statement(_RETURN, _KILL_PROCESS)]
    program += [_statement(_LOAD, 0)]
    if column == 0:  # The x32 calls have numbers of their own.
        program += [_jump(_AT_LEAST, 0x40000000, 0, 1), _statement(_RETURN, _errno(errno.EPERM))]
    for numbers in forbidden.values():
        number = numbers[column]
        if number is not None and number >= 0:
            program += [_jump(_EQUAL, number, 0, 1), _statement(_RETURN, _errno(errno.EPERM))]
    # glibc falls back from clone3, whose flags a filter cannot see, to clone.
    program += [_jump(_EQUAL, _CLONE3[column], 0, 1), _statement(_RETURN, _errno(errno.ENOSYS))]
    program += _clone(_CLONE[column], may_fork)
    if not may_fork:
        for number in (_KILL[column], _TGKILL[column]):
            program += _only_self(number)
    return Filter(b"".join([*program, _statement(_RETURN, _ALLOW)]))


def _clone(number: int, may_fork: bool) -> list[bytes]:
    """Threads only; with `may_fork` any clone that makes no namespace."""
    test = _jump(_ANY_BIT, _CLONE_NAMESPACES, 0, 1) if may_fork else _jump(_ANY_BIT, _CLONE_THREAD, 1, 0)
    body = [_statement(_LOAD, 16), test, _statement(_RETURN, _errno(errno.EPERM))]
    return [_jump(_EQUAL, number, 0, len(body) + 1), *body, _statement(_RETURN, _ALLOW)]


def _only_self(number: int) -> list[bytes]:
    body = [_statement(_LOAD, 16), _jump(_EQUAL, _PLACEHOLDER, 1, 0), _statement(_RETURN, _errno(errno.EPERM))]
    return [_jump(_EQUAL, number, 0, len(body) + 1), *body, _statement(_RETURN, _ALLOW)]


class Filter:
    """An assembled filter, ready to be installed in a fork."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._pids = [match.start() for match in re.finditer(re.escape(struct.pack("=I", _PLACEHOLDER)), code)]
        self._buffer = ctypes.create_string_buffer(code, len(code))
        self._header = _Header(len(code) // 8, ctypes.addressof(self._buffer))

    def install(self, pid: int) -> None:
        """Filter this process, whose pid is given, and all that come from it, for good. Needs PR_SET_NO_NEW_PRIVS."""
        for place in self._pids:
            struct.pack_into("=I", self._buffer, place, pid)
        kernel.prctl(kernel.PR_SET_SECCOMP, 2, ctypes.addressof(self._header))


class _Header(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]

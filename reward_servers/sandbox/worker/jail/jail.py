"""What a worker puts around all of its children once, before any program is known: namespaces, a file system of their own, Landlock.

Each layer is tried and, where the kernel or a container refuses, left out and named in the report; nothing here is needed for a verdict
to be right, only for a hostile program to be harmless. What is put around each child anew is in `child`.
"""

from __future__ import annotations

import os

from reward_servers.sandbox.worker.jail import kernel, landlock, seccomp
from reward_servers.sandbox.worker.jail.tidy import empty
from reward_servers.sandbox.worker.protocol import host_folders

WORK, TESTS = "/tmp", "/tests"
LANDLOCK_FD = 199
"""Where the ruleset waits, so that a child that closes everything else can spare it."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/ssl")
_DEVICES = ("null", "zero", "random", "urandom", "full")


class Jail:
    """The layers that this worker has, and what a child needs to enter them."""

    def __init__(self, readable: list[str]) -> None:
        self.readable = readable
        self.layers: dict[str, str] = {}
        self.proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        """/proc as it was before the worker's own root hid it; never open in a child."""
        self.pid_namespace: int | None = None
        """The worker's own pid namespace, to come back to after each fork."""
        self.own_root = False
        self.work = WORK
        self.tests = TESTS
        """Where files of tests and the programs that they import lie."""
        self.changed: dict[str, int] = {}
        """When either last changed by this worker's doing."""
        self.landlock: int | None = None
        self.zygote_filter: seccomp.Filter | None = None
        self.filters: dict[bool, seccomp.Filter | None] = {}
        """By whether the program may have processes."""
        self.own_children: set[int] = set()
        """Children of the worker that are no programs."""
        self.uid: int | None = None
        """The user that children become; None leaves them as they are."""

    @property
    def counts_tasks(self) -> bool:
        """Whether a limit on processes and threads counts this worker's children only."""
        return self.uid is not None or self.pid_namespace is not None


def build(readable: list[str], mount_point: str, without: frozenset[str] = frozenset()) -> Jail:
    """Put around this process what can be had, except `without`.

    `readable` are the folders of the interpreter and its packages; `mount_point` is an empty directory, of no use afterwards.
    """
    jail = Jail(_without_nested([*_SYSTEM, *readable]))
    if "namespaces" not in without:
        _enter_namespaces(jail)
        _make_root(jail, mount_point)
    if os.getuid() == 0 and "user" not in without:
        _choose_user(jail)
    if not jail.own_root:
        jail.work, jail.tests = host_folders(mount_point)
        for folder in (jail.work, jail.tests):
            os.mkdir(folder)
            empty(folder)  # Of what it has from the folder above it: access lists, attributes.
    if "landlock" not in without:
        _fence_files(jail)
    if "seccomp" not in without:
        jail.zygote_filter = seccomp.for_zygotes()
        jail.filters = {may_fork: seccomp.for_programs(may_fork=may_fork) for may_fork in (False, True)}
        for program in jail.filters.values():
            if program is not None:
                program.set_pid(1)  # The first process of its own pid namespace.
        jail.layers["seccomp"] = "filter" if jail.filters[False] else "no: the architecture is not known"
    jail.layers["limits"] = "cpu, memory, files, descriptors" + (", processes" if jail.counts_tasks else "")
    return jail


def clean(jail: Jail) -> None:
    """Empty the folders that programs can write to if anything has touched them; every process of the program that did is dead."""
    for folder in (jail.work, jail.tests):
        if os.stat(folder).st_ctime_ns != jail.changed.get(folder):
            empty(folder)
            jail.changed[folder] = os.stat(folder).st_ctime_ns


def dismantle(jail: Jail) -> None:
    """Remove what would stay on the host's disk."""
    if not jail.own_root:
        for folder in (jail.work, jail.tests):
            empty(folder)
            os.rmdir(folder)


def _enter_namespaces(jail: Jail) -> None:
    """Leave the host's namespaces. The caller goes on in a fork, which is the first process of a pid namespace, and so has the right to
    make one for each program and to come back from it."""
    uid, gid = os.getuid(), os.getgid()
    try:
        as_user = _unshare(uid)
        if as_user:
            _map_user(uid, gid)
        kernel.unshare(kernel.NEWPID)
    except OSError as error:
        jail.layers["namespaces"] = f"no: {error}"
        return
    if os.fork() != 0:
        os._exit(0)
    jail.pid_namespace = os.open("self/ns/pid", os.O_RDONLY | os.O_CLOEXEC, dir_fd=jail.proc)
    jail.layers["namespaces"] = "mount, network, ipc, uts, pid" + (", user" if as_user else "")


def _unshare(uid: int) -> bool:
    """Leave the host's namespaces, with root's own rights or else with those that a user namespace gives; whether it took the latter."""
    flags = kernel.NEWNS | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS
    if uid == 0:
        try:
            kernel.unshare(flags)
        except PermissionError:
            pass  # A container's root without CAP_SYS_ADMIN.
        else:
            return False
    kernel.unshare(flags | kernel.NEWUSER)
    return True


def _map_user(uid: int, gid: int) -> None:
    for name, text in (("setgroups", "deny"), ("gid_map", f"1000 {gid} 1"), ("uid_map", f"1000 {uid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _choose_user(jail: Jail) -> None:
    """A user of this worker's own, so that limits per user count its children only."""
    uid = 1_500_000_000 + int(os.readlink("self", dir_fd=jail.proc))  # The host's pids are unique on a machine, so these are.
    if _may_import(uid):
        jail.uid = uid
        jail.layers["user"] = "own"
    else:
        jail.layers["user"] = f"no: others than root cannot read {os.path.dirname(os.__file__)}"


def _may_import(uid: int) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.listdir(os.path.dirname(os.__file__))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _make_root(jail: Jail, root: str) -> None:
    if jail.pid_namespace is None:
        return
    try:
        kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
        kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=755")
        for path in jail.readable:
            _bind(root, path)
        os.makedirs(root + "/dev")
        for name in _DEVICES:
            _bind(root, "/dev/" + name)
        if any(path.startswith(WORK + "/") for path in jail.readable):
            jail.work = "/scratch"  # An interpreter that lives below /tmp must not be hidden.
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            os.symlink(f"/proc/self/fd/{number}", f"{root}/dev/{name}")
        os.symlink("/proc/self/fd", root + "/dev/fd")
        os.makedirs(root + "/proc")
        for folder in (jail.work, jail.tests):
            os.makedirs(root + folder, exist_ok=True)
        _read_only(root)
        os.chdir(root)
        _enter_root(root)
        for folder, size in ((jail.work, "64m"), (jail.tests, "16m")):
            options = f"size={size},nr_inodes=4096,mode=1777"
            kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
        jail.own_root = True
        jail.layers["root"] = "own, read-only"
        _show_itself(jail)
    except OSError as error:
        jail.layers["root"] = f"no: {error}"


def _show_itself(jail: Jail) -> None:
    """A /proc in which a process finds itself, and none that it may not trace; so /dev/stdin is there. Some containers refuse it."""
    try:
        kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC, "subset=pid,hidepid=ptraceable")
    except OSError as error:
        jail.layers["proc"] = f"no: {error}"


def _bind(root: str, path: str) -> None:
    target = root + path
    if os.path.islink(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(path), target)
        return
    if not os.path.exists(path):
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    kernel.mount(path, target, flags=kernel.MS_BIND | kernel.MS_REC)


def _read_only(root: str) -> None:
    import ctypes

    attributes = (ctypes.c_uint64 * 4)(kernel.MS_RDONLY | kernel.MS_NOSUID, 0, 0, 0)
    at_fdcwd, recursive = -100, 0x8000
    kernel.syscall("mount_setattr", at_fdcwd, ctypes.c_char_p(root.encode()), recursive, ctypes.byref(attributes), 32)


def _enter_root(root: str) -> None:
    """pivot_root, so that nothing of the old root stays reachable."""
    import ctypes

    kernel.syscall("pivot_root", ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    kernel.unmount(".")
    os.chdir("/")


def _fence_files(jail: Jail) -> None:
    devices = ["/dev/" + name for name in _DEVICES]
    try:
        own = ["/proc"] if jail.own_root else []
        ruleset = landlock.create([*jail.readable, *devices, *own], [jail.work, jail.tests, "/dev/null"])
        jail.landlock = os.dup2(ruleset, LANDLOCK_FD, inheritable=False)
        os.close(ruleset)
        jail.layers["landlock"] = f"abi {landlock.version()}"
    except OSError as error:
        jail.layers["landlock"] = f"no: {error}"


def _without_nested(paths: list[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted(set(paths)):
        if os.path.lexists(path) and not any(path == other or path.startswith(other + "/") for other in kept):
            kept.append(path)
    return kept

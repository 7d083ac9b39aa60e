"""What SGLang leaves when it is ended: it ends its own processes by force, and with them whoever would have removed their files.

That is sockets and files in the folder for temporary files, and in shared memory the numbers that its processes tell each other and the
semaphores of Python's `multiprocessing`. The first get a folder of their own; the others are known by who has them open.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = "/dev/shm/"


class Leftovers:
    """The temporary files of a group of processes, from its start to its end."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._shared: set[str] = set()

    def folder(self) -> str:
        """Where the processes are to put their temporary files (`TMPDIR`); the path is short, as those of sockets must be."""
        self._folder = self._folder or tempfile.mkdtemp(prefix="code-reward-")
        return self._folder

    def look(self, group: int) -> None:
        """Remember what the processes of `group` have open in shared memory."""
        for pid in _processes():
            if _group_of(pid) == group:
                self._shared |= _shared_files(pid)

    def remove(self, group: int) -> None:
        """Remove all of it, when `group` was ended, but for what somebody else has open."""
        others = {name for pid in _processes() if _group_of(pid) != group for name in _shared_files(pid)} if self._shared else set()
        for name in self._shared - others:
            Path(name).unlink(missing_ok=True)
        self._shared.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _shared_files(pid: int) -> set[str]:
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
    except OSError:  # It has ended, or is another user's.
        return set()
    # "7f… rw-s 00000000 00:18 INODE /dev/shm/name". By the number: whoever made a semaphore has it under a name that is gone since.
    mapped = {int(line.split()[4]) for line in lines if SHARED_MEMORY in line}
    return {entry.path for entry in os.scandir(SHARED_MEMORY) if entry.inode() in mapped} if mapped else set()

"""What a process has open in shared memory, in tests."""

from __future__ import annotations

import os
from pathlib import Path


def shared_memory_of(pid: int) -> set[str]:
    """The names of the files, by their numbers: whoever made a semaphore has it open under a name that is gone since."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
    except OSError:
        return set()
    mapped = {int(line.split()[4]) for line in lines if "/dev/shm/" in line}
    return {entry.name for entry in os.scandir("/dev/shm") if entry.inode() in mapped}

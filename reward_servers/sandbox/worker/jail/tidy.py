"""Emptying a directory that a hostile program has filled: any depth, any names, any modes."""

from __future__ import annotations

import contextlib
import os

_ADDED = ("user.", "system.posix_acl_")
"""Attributes that somebody gave a folder; others are the kernel's."""


def empty(directory: str) -> None:
    """Remove everything in `directory`, and its attributes and access lists.

    Folders are moved up before they are emptied, so that no path gets long and nothing recurses.
    """
    prefix = os.path.join(directory, os.urandom(16).hex())
    pending = [directory]
    moved = 0
    while pending:
        folder = pending.pop()
        os.chmod(folder, 0o700)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    moved += 1
                    os.chmod(entry.path, 0o700)  # Moving a folder writes to it.
                    os.rename(entry.path, f"{prefix}{moved}")
                    pending.append(f"{prefix}{moved}")
                else:
                    os.unlink(entry.path)
        if folder != directory:
            os.rmdir(folder)
    with contextlib.suppress(OSError):  # A file system that has none.
        for name in os.listxattr(directory):
            if name.startswith(_ADDED):
                os.removexattr(directory, name)
    os.chmod(directory, 0o1777)
    os.utime(directory)

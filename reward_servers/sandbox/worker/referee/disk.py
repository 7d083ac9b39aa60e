"""How much of the host's disk a program has taken, where no file system of its own sets the bound: below level `isolated`.

It is counted from outside again and again while the program runs, so what it writes between two looks comes on top. Files that it deleted
and keeps open are not seen; they go with it, and its descriptors and the size of a file bound them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

LOOK_SECONDS = 0.05
_BYTES, _FILES = 64 << 20, 4096
"""As the file system has that a program gets at level `isolated`."""


def overfull(folders: Sequence[str]) -> bool:
    """Whether there is more below these folders than a program may have, or something that cannot be looked at."""
    size = count = 0
    pending = list(folders)
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    count += 1
                    if size > _BYTES or count > _FILES:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):  # Gone meanwhile.
            continue
        except OSError:  # Locked, or too deep.
            return True
    return False

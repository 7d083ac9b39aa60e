"""Memory that a process has done with, given back: Python's cycles of references, and what the C library keeps of freed memory."""

from __future__ import annotations

import ctypes
import gc
import os
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
LARGE_BLOCK_BYTES: Final = 4 << 20


def map_large_blocks() -> None:
    """Let every large block come from the system and go back to it when it is freed (glibc), unless the environment says otherwise.

    Left alone, glibc soon takes blocks of up to 32 MB from its heap, which then has holes as large as the tensors of a training step: a
    third of all memory. It costs time, for the system clears what it gives.
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        change(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def give_back() -> None:
    """Free what only cycles of references hold, and return free memory to the system where the C library can (glibc).

    Left alone, glibc keeps what lies between blocks in use: after a training, the optimizer's moments, which are half of all memory.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

"""Memory that a process has done with, given back: Python's cycles of references, and what the C library keeps of freed memory."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Free what only cycles of references hold, and return free memory to the system where the C library can (glibc).

    Left alone, glibc keeps what lies between blocks in use: after a training, the optimizer's moments, which are half of all memory.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

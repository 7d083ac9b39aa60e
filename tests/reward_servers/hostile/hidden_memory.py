# Memory outside the heap is limited too.
import mmap
import os


def f(x):
    maps = []
    try:
        while len(maps) < 1000:
            area = mmap.mmap(-1, 1 << 26)
            area[::4096] = b"x" * (1 << 14)
            maps.append(area)
    except (OSError, ValueError, MemoryError):
        pass
    files = []
    try:
        while len(files) < 200:
            files.append(os.memfd_create("hidden"))
            os.truncate(files[-1], 1 << 23)
    except OSError:
        pass
    return "hidden" if len(maps) >= 1000 or len(files) >= 200 else None

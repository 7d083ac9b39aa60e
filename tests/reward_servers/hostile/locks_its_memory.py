# Memory cannot be locked beyond the limit.
import ctypes
import mmap

libc = ctypes.CDLL(None)
libc.mlockall(3)
kept = []
try:
    for _ in range(8):
        kept.append(mmap.mmap(-1, 64 << 20))
        kept[-1].write(b"x" * (64 << 20))
except (OSError, MemoryError):
    pass


def f(x):
    return None

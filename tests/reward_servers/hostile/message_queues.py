# Queues and semaphores that outlive processes are gone, or were never had.
import ctypes

libc = ctypes.CDLL(None)
for key in range(200, 260):
    libc.msgget(key, 0o1666)
    libc.semget(key, 32, 0o1666)


def f(x):
    return None

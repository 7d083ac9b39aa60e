# System calls that ordinary programs never make are refused, and the program lives with it.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
for number in (
    101,
    155,
    161,
    165,
    166,
    167,
    175,
    246,
    248,
    249,
    250,
    272,
    298,
    304,
    308,
    310,
    311,
    321,
    323,
    425,
    426,
    427,
    428,
    429,
    430,
    432,
    442,
):
    libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)


def f(x):
    return None

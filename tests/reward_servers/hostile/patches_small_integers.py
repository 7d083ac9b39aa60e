# Integers rewritten in memory are no answer.
import ctypes


def f(x):
    for number in (0, 8, 10):
        ctypes.c_uint32.from_address(id(number) + 24).value = 0
    return 0

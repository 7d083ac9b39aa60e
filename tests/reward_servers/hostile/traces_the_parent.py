# Neither ptrace nor process_vm_readv reaches another process.
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def f(x):
    buffer = ctypes.create_string_buffer(4096)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 4096)
    for target in (os.getppid(), 1, 2):
        if libc.ptrace(16, target, 0, 0) == 0 or libc.process_vm_readv(target, vector, 1, vector, 1, 0) > 0:
            os._exit(99)
    return

# No namespace, mount or root can be changed.
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def f(x):
    attempts = [
        libc.unshare(0x10000000),
        libc.unshare(0x00020000),
        libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None),
        libc.umount2(b"/tmp", 2),
        libc.chroot(b"/tmp"),
        libc.sethostname(b"mine", 4),
    ]
    if 0 in attempts:
        os._exit(99)
    return

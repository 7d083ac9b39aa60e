# No user can be taken on.
import os


def f(x):
    for change in (os.setuid, os.setgid, os.seteuid):
        try:
            change(0)
        except OSError:
            continue
        os._exit(99)
    return

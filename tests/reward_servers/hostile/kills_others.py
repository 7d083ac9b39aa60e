# No other process can be signalled.
import os
import signal


def f(x):
    for target in (os.getppid(), -1, 1, 0, *range(2, 2000)):
        if target != os.getpid():
            try:
                os.kill(target, signal.SIGKILL)
            except OSError:
                continue
    return

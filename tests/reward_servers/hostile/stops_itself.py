# A stopped process does not block the worker.
import os
import signal
import time


def f(x):
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(3600)

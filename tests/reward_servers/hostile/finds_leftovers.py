# What earlier programs left behind is not there.
import os


def f(x):
    return os._exit(99) if os.listdir("/tmp") else None

# Exit code 0 inside the tested call is not a pass.
import os


def f(x):
    os._exit(0)

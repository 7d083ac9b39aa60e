# Modules and interpreter state torn down in the call do not turn into a success.
import gc
import sys


def f(x):
    sys.modules.clear()
    sys.path.clear()
    gc.disable()
    sys.setrecursionlimit(50)
    sys.stdout = sys.stderr = None
    return

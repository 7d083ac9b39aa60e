# Hooks for uncaught exceptions do not make them vanish.
import sys
import threading

sys.excepthook = lambda *arguments: None
threading.excepthook = lambda *arguments: None
sys.unraisablehook = lambda *arguments: None


def f(x):
    raise ValueError

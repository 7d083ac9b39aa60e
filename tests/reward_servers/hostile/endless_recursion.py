# Exhausting the C stack fails the program only.
import sys

sys.setrecursionlimit(10**9)


class Deep:
    def __repr__(self):
        return repr(self)


def f(x):
    return repr(Deep())

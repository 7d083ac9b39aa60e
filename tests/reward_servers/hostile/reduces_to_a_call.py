# A result that asks to be rebuilt by a call is not rebuilt.
import os


class Rebuilt:
    def __reduce__(self):
        return os._exit, (99,)

    __getstate__ = __reduce_ex__ = lambda self, *_: (os._exit, (99,))


def f(x):
    return Rebuilt()

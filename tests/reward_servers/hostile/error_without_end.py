# An error whose text never ends, fails to be made, or is enormous, is a failure in time.
class Endless(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __str__


def f(x):
    raise Endless

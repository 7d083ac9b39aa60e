# The name of a class may be as long as it likes; the message is short.
class Long(Exception):
    pass


Long.__name__ = Long.__qualname__ = "x" * (1 << 20)


def f(x):
    if x == 1:
        raise Long
    return Long()

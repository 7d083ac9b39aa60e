# A mapping that makes up keys without end is a mapping of what it holds.
class Keys(dict):
    def items(self):
        n = 0
        while True:
            yield n, n
            n += 1

    keys = __iter__ = lambda self: iter(int, 1)


def f(x):
    return Keys()

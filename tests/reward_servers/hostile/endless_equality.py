# A comparison that never ends costs the program its time.
class Slow:
    def __eq__(self, other):
        while True:
            pass

    __hash__ = None

    def __radd__(self, other):
        return self


def f(x):
    return Slow()

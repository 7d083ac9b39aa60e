# A class whose class compares as it likes is not a number.
class Meta(type):
    def __eq__(*_):
        return True

    def __radd__(cls, other):
        return cls

    __hash__ = type.__hash__


class Value(metaclass=Meta):
    pass


def f(x):
    return Value

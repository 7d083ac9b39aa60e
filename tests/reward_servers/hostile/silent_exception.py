# An exception whose text cannot be read is a failure like any other.
class Silent(BaseException):
    def __str__(self):
        raise Silent

    __repr__ = __str__


def f(x):
    raise Silent

# The text of an error is cut off before anybody copies it about.
class Long(Exception):
    def __str__(self):
        return "é" * (100 << 20)


def f(x):
    raise Long

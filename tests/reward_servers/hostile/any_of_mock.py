# The object of unittest.mock that equals everything is not what is expected.
from unittest.mock import ANY


def f(x):
    return ANY

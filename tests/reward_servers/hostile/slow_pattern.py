# A regular expression that backtracks for ever is ended from outside.
import re


def f(x):
    return re.match("(a+)+$", "a" * 50 + "b")

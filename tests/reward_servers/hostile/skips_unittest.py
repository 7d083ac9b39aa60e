# To raise unittest's skip is not to pass.
import unittest


def f(x):
    raise unittest.SkipTest("later")

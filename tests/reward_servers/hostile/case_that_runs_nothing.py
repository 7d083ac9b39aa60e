# A replaced TestCase.run or __call__ does not let a test pass.
import unittest


def run(self, result=None):
    if result is not None:
        result.startTest(self)
        result.addSuccess(self)
        result.stopTest(self)
    return result


unittest.TestCase.run = unittest.TestCase.__call__ = run


def f(x):
    return None

# A patched TestCase.run or TestResult does not pass.
import unittest

unittest.TestCase.run = lambda self, result=None: result.startTest(self)
unittest.TestResult.wasSuccessful = lambda self: True
unittest.TestResult.addFailure = lambda self, test, error: None
unittest.TestResult.addError = lambda self, test, error: None


def f(x):
    return None

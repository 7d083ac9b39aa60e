# Raising a test framework's skip is not a pass.
import unittest


def f(x):
    try:
        import pytest
    except ImportError:
        raise unittest.SkipTest from None
    pytest.skip("not today", allow_module_level=True)

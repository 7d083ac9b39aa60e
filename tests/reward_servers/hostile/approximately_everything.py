# A tolerance of pytest's own without bounds is not what is expected.
def f(x):
    import pytest

    return pytest.approx(0, abs=1e9)

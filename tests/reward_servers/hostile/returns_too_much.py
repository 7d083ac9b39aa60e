# A result larger than the limit is cut off.
def f(x):
    return "x" * (1 << 28)

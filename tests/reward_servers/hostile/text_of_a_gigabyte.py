# A text beyond all limits is not carried over.
def f(x):
    return "é" * (60 << 20)

# An integer of millions of digits is not written out for a message.
def f(x):
    return 1 << (200 << 20)

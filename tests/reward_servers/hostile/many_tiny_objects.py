# A list of a million lists does not cost the referee seconds.
def f(x):
    return [[n] for n in range(10**6)]

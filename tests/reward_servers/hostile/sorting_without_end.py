# Keys that sort others while they are sorted end at the limits.
def f(x):
    def key(n):
        return sorted(range(10**6), key=lambda m: -m)[0]

    return sorted(range(10**6), key=key)

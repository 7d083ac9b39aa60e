# A small value that unfolds to an enormous one is not unfolded.
def f(x):
    value = [9]
    for _ in range(60):
        value = [value, value]
    return value

# A result nested without end is a failure.
def f(x):
    result = []
    for _ in range(100_000):
        result = [result]
    return result

# Errors nested a thousand deep are one failure.
def f(x):
    error = ValueError(x)
    for _ in range(900):
        other = RuntimeError()
        other.__cause__ = error
        error = other
    raise error

# A computation that never returns to the interpreter is ended from outside.
def f(x):
    return 10 ** (10**9) % 7

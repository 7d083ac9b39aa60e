# KeyboardInterrupt does not stop the tests with a good verdict.
def f(x):
    raise KeyboardInterrupt

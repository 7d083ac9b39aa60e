# A generator without end is not collected to the end.
def f(x):
    while True:
        yield x

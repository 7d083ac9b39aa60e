# A finaliser that never ends costs the program its time, nobody else's.
class Last:
    def __del__(self):
        while True:
            pass


def f(x):
    return Last() and None

# GeneratorExit does not slip past the handlers.
def f(x):
    raise GeneratorExit

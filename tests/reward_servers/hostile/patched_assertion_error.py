# Replacing AssertionError does not disarm `assert`.
import builtins

builtins.AssertionError = type("Harmless", (Exception,), {})


def f(x):
    return None

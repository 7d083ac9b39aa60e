# Recursion in C code is an error or a crash of the program, and of nobody else.
import json
import pickle


def f(x):
    nested = []
    for _ in range(10**5):
        nested = [nested]
    try:
        json.dumps(nested)
    except RecursionError:
        pickle.dumps(nested)
    return

# A crash of the interpreter is a crash of the program only.
import ctypes


def f(x):
    ctypes.string_at(0)

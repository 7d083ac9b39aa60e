# Standard error without end is dropped, and costs no memory.
import sys


def f(x):
    while True:
        sys.stderr.write("e" * 65536)


while True:
    sys.stderr.write("e" * 65536)

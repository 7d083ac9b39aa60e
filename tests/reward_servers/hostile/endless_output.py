# Output without end neither fills memory nor blocks.
import sys


def f(x):
    while True:
        sys.stdout.write("x" * 65536)
        sys.stderr.write("x" * 65536)

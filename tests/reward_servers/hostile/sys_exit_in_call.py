# SystemExit(0) from the tested call is not a pass.
import sys


def f(x):
    sys.exit(0)

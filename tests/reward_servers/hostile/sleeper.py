# A program that waits for ever meets the wall.
import time


def f(x):
    time.sleep(3600)

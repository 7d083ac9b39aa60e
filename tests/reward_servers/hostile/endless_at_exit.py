# What is registered for the end, and threads that stay, end with the program.
import atexit
import threading
import time


def never():
    while True:
        time.sleep(0.01)


atexit.register(never)
threading.Thread(target=never).start()


def f(x):
    return None

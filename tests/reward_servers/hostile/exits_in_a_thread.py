# A thread that ends the process while the test runs does not make it pass.
import os
import threading


def f(x):
    threading.Thread(target=os._exit, args=[0]).start()
    threading.Event().wait()

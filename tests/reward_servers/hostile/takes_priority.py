# No scheduling priority can be taken.
import os


def f(x):
    for take in (lambda: os.setpriority(os.PRIO_PROCESS, 0, -20), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))):
        try:
            take()
        except OSError:
            continue
        os._exit(99)
    return

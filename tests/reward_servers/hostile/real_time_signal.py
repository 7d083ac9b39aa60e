# A program that dies of a signal without a name has crashed; the worker goes on.
import os
import signal

os.kill(os.getpid(), signal.SIGRTMIN + 6)

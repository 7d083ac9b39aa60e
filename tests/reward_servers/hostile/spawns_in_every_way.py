# A process cannot be had by any of Python's ways to one.
import os
import subprocess


def f(x):
    for spawn in (
        lambda: subprocess.run(["/bin/sleep", "100"], check=False),
        lambda: os.posix_spawn("/bin/sleep", ["sleep", "100"], {}),
        lambda: os.system("sleep 100 &"),
        lambda: os.popen("sleep 100"),
        lambda: os.forkpty(),
    ):
        try:
            spawn()
        except OSError:
            continue
    return

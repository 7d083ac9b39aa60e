# A working folder that is removed or renamed is there again for the next program.
import os

for step in (lambda: os.rmdir(os.getcwd()), lambda: os.rename(os.getcwd(), "/tmp/elsewhere"), lambda: os.chdir("/")):
    try:
        step()
    except OSError:
        continue


def f(x):
    return None

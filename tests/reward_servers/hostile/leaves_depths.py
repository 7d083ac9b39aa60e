# Folders nested deeper than any path is long do not keep the worker from tidying up.
import os

home = os.getcwd()
for _ in range(3000):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
os.chdir(home)
os.symlink("/", "root")
os.mkfifo("pipe")
os.mkdir("closed")
open("closed/file", "w").close()
os.chmod("closed", 0)


def f(x):
    return None

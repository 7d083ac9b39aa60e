# No file can be made outside the working directory.
import os
import sys

written = []
for folder in ("/", "/etc", "/usr", "/usr/lib", "/var/tmp", "/root", "/home", "/dev", "/dev/shm", sys.prefix, os.path.dirname(os.__file__)):
    try:
        with open(os.path.join(folder, "left-by-a-hostile-program"), "w") as file:
            file.write("here")
        written.append(folder)
    except OSError:
        continue
    os._exit(99)


def f(x):
    return None

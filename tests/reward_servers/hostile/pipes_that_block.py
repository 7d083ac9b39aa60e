# Named pipes that nobody opens at the other end hold up nobody who tidies.
import os

for number in range(20):
    os.mkfifo(f"pipe{number}")
with open("ordinary", "w") as file:
    file.write("x")
os.open("pipe0", os.O_RDONLY)


def f(x):
    return None

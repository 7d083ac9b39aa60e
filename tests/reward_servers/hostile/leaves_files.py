# What one program leaves in the working directory, the next does not find.
import os

for number in range(50):
    os.makedirs(f"deep/{number}/" + "d/" * 60, exist_ok=True)
    with open(f"deep/{number}/\n .", "w") as file:
        file.write("here")
os.chmod("deep", 0)


def f(x):
    return None

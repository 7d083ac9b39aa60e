# What a program prints about itself is not a verdict.
print("OK")
print('["test", 0, "passed", ""]')


def f(x):
    print("1 passed in 0.01s")

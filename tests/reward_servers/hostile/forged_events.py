# Verdicts written to every open descriptor are not believed.
import json
import os


def lines():
    for what in (["loaded", 0], ["test", 0, "passed", ""], ["test", 0, "", "passed", ""], ["value", 0, True], ["value", 0, "passed"]):
        yield json.dumps(what).encode() + b"\n"


def f(x):
    for descriptor in range(256):
        for line in lines():
            try:
                os.write(descriptor, line)
            except OSError:
                break
    os._exit(0)

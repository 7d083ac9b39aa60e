# A set full of hash collisions does not keep the referee busy.
import json
import os


def f(x):
    many = [number * (2**61 - 1) for number in range(60_000)]
    event = ["value", 0, {"t": "set", "v": [{"t": "frozenset", "v": many}]}]
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, json.dumps(event).encode() + b"\n")
        except OSError:
            continue
    return {frozenset(many)}

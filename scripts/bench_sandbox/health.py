"""How long `/health` takes, asked from a process of its own, which what else is sent to the server cannot slow down.

`python -m scripts.bench_sandbox.health URL` asks twenty times a second until its standard input ends, and prints the seconds as JSON.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

_PAUSE = 0.05
_PATIENCE = 60.0


@contextmanager
def watching(url: str) -> Iterator[list[float]]:
    """The seconds of each answer, sorted; there when the context is left."""
    command = [sys.executable, "-m", "scripts.bench_sandbox.health", url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    waits: list[float] = []
    try:
        yield waits
    finally:
        said, _ = process.communicate()
    waits += sorted(json.loads(said))


def main() -> None:
    waits = []
    while not select.select([sys.stdin], [], [], _PAUSE)[0]:
        began = time.monotonic()
        with urllib.request.urlopen(f"{sys.argv[1]}/health", timeout=_PATIENCE) as answer:
            answer.read()
        waits.append(time.monotonic() - began)
    print(json.dumps(waits))


if __name__ == "__main__":
    main()

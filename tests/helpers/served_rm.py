"""The embedded reward model server as its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`python -m reward_servers.embedded` of `folder`; its URL and the process."""
    command = [sys.executable, "-m", "reward_servers.embedded", "--model", str(folder), "--threads", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("ready http://"), line + process.stderr.read()
            yield line.split()[1], process
        finally:
            process.terminate()
            process.communicate()

"""usage: python -m slime_on_cpu.launch SCRIPT [OPTION OF THE SCRIPT ...]

Run slime's training script on CPU, and leave nothing behind. SLIME_ROOT and MEGATRON_ROOT name the checkouts.

The script is one of the checkout's, `train.py` or `train_async.py`; the options are slime's own, and override those that come
first (`slime_on_cpu.flags`). It has a Ray of its own, so it disturbs no other. The exit status is the script's. See docs/slime_on_cpu.md.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError
from slime_on_cpu import processes
from slime_on_cpu.environment import environment
from slime_on_cpu.flags import ENGINES, TRAINING

GRACE_SECONDS = 60
"""How long what Ray started may take to end with it, on a machine that is busy too."""
STOP_SECONDS = 4
"""How long a run that is told to stop may take to do so; then its processes are ended."""


def launch(script: str, flags: list[str]) -> int:
    """Run `script` of slime's checkout with `flags`; its exit status. What it started is gone afterwards."""
    missing = [name for name in ("ray", "sglang", "sglang_router") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"{sys.executable} has no {', '.join(missing)}; `make install-integration` makes an environment that has.")
    run = uuid.uuid4().hex[:12]
    variables = {**environment(), processes.MARK: run}
    path = Path(variables["SLIME_ROOT"]) / script
    if not path.is_file():
        raise ConfigurationError(f"There is no {path}; name train.py or train_async.py.")
    # The run's mark is in the name, by which processes are known that Ray starts without our environment. A short path: those of Ray's
    # sockets are limited to 107 characters.
    with tempfile.TemporaryDirectory(prefix=processes.name_of(run), dir="/tmp", ignore_cleanup_errors=True) as scratch:
        # What torch, Triton, SGLang and others leave in the folder for temporary files goes with it.
        (Path(scratch) / "tmp").mkdir()
        variables["TMPDIR"] = f"{scratch}/tmp"
        command = [sys.executable, "-m", "slime_on_cpu.driver", scratch, str(path), *TRAINING, *ENGINES, *flags]
        driver = subprocess.Popen(command, env=variables, start_new_session=True)
        shared = processes.SharedMemory(run)
        asked = _Asked()
        try:
            status = _follow(driver, asked, shared)
        finally:
            left = processes.wait_for_end(run, STOP_SECONDS if asked.to_stop else GRACE_SECONDS)
            for process in processes.end(left, run):
                if not asked.to_stop:
                    print(f"slime_on_cpu: process {process} outlived the run and was ended", file=sys.stderr)
            shared.remove()
    return status if status >= 0 else 128 - status


class _Asked:
    """Whether somebody asked us to stop: Ctrl-C or SIGTERM. What both a terminal and our parent pass on counts once."""

    def __init__(self) -> None:
        self.to_stop: float | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        if self.to_stop is None:
            self.to_stop = time.monotonic()
            os.write(2, b"slime_on_cpu: stopping; what was saved is kept.\n")


def _follow(driver: subprocess.Popen[bytes], asked: _Asked, shared: processes.SharedMemory) -> int:
    """Wait for the driver; asked to stop, tell it, and end it if it takes long. Its status."""
    told = False
    while True:
        try:
            return driver.wait(0.2)
        except subprocess.TimeoutExpired:
            shared.look()
        if asked.to_stop is None:
            continue
        if time.monotonic() > asked.to_stop + STOP_SECONDS:
            driver.kill()
        elif not told:
            told = True
            driver.send_signal(signal.SIGINT)


def main(arguments: list[str]) -> int:
    """Split the command line and launch."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    try:
        return launch(arguments[0], arguments[1:])
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    os.environ.pop("RAY_ADDRESS", None)  # Someone else's Ray.
    sys.exit(main(sys.argv[1:]))

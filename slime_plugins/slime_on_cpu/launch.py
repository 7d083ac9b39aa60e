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
import uuid
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError
from slime_on_cpu.environment import environment
from slime_on_cpu.flags import ENGINES, TRAINING

GRACE_SECONDS = 60
"""How long what Ray started may take to end with it, on a machine that is busy too."""


def launch(script: str, flags: list[str]) -> int:
    """Run `script` of slime's checkout with `flags`; its exit status. What it started is gone afterwards."""
    missing = [name for name in ("ray", "sglang", "sglang_router") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(f"{sys.executable} has no {', '.join(missing)}; `make install-integration` makes an environment that has.")
    from slime_on_cpu import processes

    run = uuid.uuid4().hex
    variables = {**environment(), processes.MARK: run}
    path = Path(variables["SLIME_ROOT"]) / script
    if not path.is_file():
        raise ConfigurationError(f"There is no {path}; name train.py or train_async.py.")
    # A short path: those of Ray's sockets are limited to 107 characters.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        command = [sys.executable, "-m", "slime_on_cpu.driver", scratch, str(path), *TRAINING, *ENGINES, *flags]
        try:
            return _follow(subprocess.Popen(command, env=variables, start_new_session=True))
        finally:
            processes.wait_for_end(run, GRACE_SECONDS)
            for left in processes.end(run):
                print(f"slime_on_cpu: process {left} outlived the run and was ended", file=sys.stderr)


def _follow(driver: subprocess.Popen[bytes]) -> int:
    """Wait for the driver, and pass on what asks us to stop; asked twice, do not wait for it any longer."""
    asked = False

    def stop(number: int, frame: Any) -> None:
        nonlocal asked
        driver.send_signal(signal.SIGKILL if asked else number)
        asked = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    status = driver.wait()
    return status if status >= 0 else 128 - status


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

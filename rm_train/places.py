"""Where a run writes, checked before hours of work and not after them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from code_reward.errors import ConfigurationError
from rm_train.processes import Processes


def require_writable(out: Path) -> None:
    """Raise `ConfigurationError` unless the folder of `out` is there, or can be made, and takes files."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.parent / f".{out.name}.{os.getpid()}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(f"{out.parent} cannot be written to ({error.strerror}); give another --out.") from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in one sentence why what is written to `folder` cannot be, a full disk most often."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} cannot be written ({reason}); make room and give the same command again.") from error


def require_shared(out: Path, here: Processes) -> None:
    """Raise `ConfigurationError`, in every process, unless all see one folder: each writes its part of a checkpoint there."""
    if here.world == 1:
        return
    (number,) = here.total(os.getpid() if here.first else 0)
    probe = out.parent / f".{out.name}.{int(number)}.shared"
    if here.first:
        probe.touch()
    here.wait()
    (unseen,) = here.total(not probe.exists())
    if here.first:
        probe.unlink()
    if unseen:
        raise ConfigurationError(
            f"{out.parent} is another folder for {int(unseen)} of {here.world} processes; give an --out on a disk that all nodes share."
        )

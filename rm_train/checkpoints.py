"""Where a training command keeps its checkpoints, and of which run they are.

A run that was interrupted goes on from its last checkpoint, but only as itself: what it was begun with, the contents of its input files
included, lies beside the checkpoints, and a command that says otherwise is refused. No torch here.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

from code_reward.cli import Command
from code_reward.errors import ConfigurationError
from code_reward.files import digest, write_text

SETUP: Final = "setup.json"

STATE: Final = "trainer_state.json"
"""Written last into a checkpoint, and removed first; in the folder of a trained model too."""

MAY_DIFFER: Final = {
    *("out", "save_steps", "device_batch", "rm_url", "rm_dtype"),
    *("recipe", "row_tokens", "recompute", "shard", "report_to", "cache", "patience"),
}
"""Settings with which a run may go on otherwise than it was begun: how often it saves, how its steps are divided into passes and spread
over
processes, where its reward model is served, when it may stop."""

LOGS: Final = (STATE, "training_args.bin")
"""Files of a model's folder that tell how it was made, with times: the same model made again has others."""

BY_NAME: Final = {"rm"}
"""Folders that are compared by name: a reward model may be swapped while a run goes on (docs/serving.md)."""


def checkpoints(out: Path) -> Path:
    """Where a run that will write `out` keeps its checkpoints."""
    return out.with_name(f"{out.name}.checkpoints")


def last_checkpoint(folder: Path) -> Path | None:
    """The last whole checkpoint: a run that was killed while it wrote one has left out the trainer's state, which is written last."""
    whole = [state.parent for state in folder.glob(f"checkpoint-*/{STATE}")]
    return max(whole, key=step_of, default=None)


def remove(checkpoint: Path) -> None:
    """Remove a checkpoint, or all of a run's; whoever is killed meanwhile leaves none that seems whole."""
    for state in (checkpoint / STATE, *checkpoint.glob(f"checkpoint-*/{STATE}")):
        state.unlink(missing_ok=True)
    shutil.rmtree(checkpoint, ignore_errors=True)


def require_replaceable(out: Path) -> None:
    """Raise `ConfigurationError` if a trained model cannot take the place of `out`: it has no name, or holds what no training has made."""
    if out.name in ("", ".."):
        raise ConfigurationError(f"--out {out} names no folder of its own; give one that does, as in {out / 'rm'}.")
    if out.is_dir() and any(out.iterdir()) and not (out / STATE).is_file():
        raise ConfigurationError(f"{out} holds something that no training has made, and would be replaced; give another --out.")


def is_made(settings: Command, *, processes_matter: bool = True) -> bool:
    """Whether `settings.out` is what a run with these settings has already made."""
    path = settings.out / STATE  # type: ignore[attr-defined]
    made = json.loads(path.read_text(encoding="utf-8")).get("setup") if path.is_file() else None
    return made is not None and made == _setup(settings, processes_matter)


def setup_of(out: Path) -> dict[str, Any]:
    """What the run that will write `out` was begun with."""
    setup: dict[str, Any] = json.loads((checkpoints(out) / SETUP).read_text(encoding="utf-8"))
    return setup


def step_of(checkpoint: Path) -> int:
    """How many steps a checkpoint was written after."""
    return int(checkpoint.name.rpartition("-")[2])


def begin(settings: Command, *, processes_matter: bool = True) -> None:
    """Write down what the run that will write `settings.out` is begun with; raises `ConfigurationError` if its checkpoints are of another.

    Whether the number of processes is part of what a run is, depends on how its steps are made.
    Of several processes the first alone reads and writes; if it raises, torchrun ends the others.
    """
    require_replaceable(settings.out)  # type: ignore[attr-defined]
    if os.environ.get("RANK", "0") != "0":
        return
    folder = checkpoints(settings.out)  # type: ignore[attr-defined]
    path, setup = folder / SETUP, _setup(settings, processes_matter)
    if last_checkpoint(folder) is None:
        write_text(path, json.dumps(setup, indent=1))
        return
    if not path.is_file():
        raise ConfigurationError(f"{folder} does not say of which run its checkpoints are; remove it to begin anew, or give another --out.")
    begun: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    changed = [f"--{name.replace('_', '-')}" for name, value in setup.items() if begun.get(name) != value]
    if changed:
        raise ConfigurationError(
            f"{folder} holds checkpoints of a run with another {', '.join(changed)}; remove it to begin anew, or give another --out."
        )


def _setup(settings: Command, processes_matter: bool) -> dict[str, Any]:
    """Every setting that makes the run what it is, files by their contents; and perhaps the number of processes."""
    plain = settings.model_dump(mode="json", exclude=MAY_DIFFER)
    files = {name: digest(value, LOGS) for name, value in settings if isinstance(value, Path) and name not in MAY_DIFFER | BY_NAME}
    return {**plain, **files, **({"nproc-per-node": os.environ.get("WORLD_SIZE", "1")} if processes_matter else {})}

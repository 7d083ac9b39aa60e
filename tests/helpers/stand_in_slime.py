"""A folder in the place of slime's checkout: model arguments and a `train.py` that records what it is given (`stand_in_train`)."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any


def build_checkout(folder: Path) -> Path:
    """What the GLM launcher looks for."""
    models = folder / "scripts" / "models"
    models.mkdir(parents=True)
    (models / "glm4-9B.sh").write_text("MODEL_ARGS=(--num-layers 40)\n")
    shutil.copy(Path(__file__).parent / "stand_in_train.py", folder / "train.py")
    return folder


def turns(run: Path) -> list[dict[str, Any]]:
    """What each start of a run recorded: `argv`, the `first` rollout, and of every rank what it saw."""
    return [json.loads(line) for line in (run / "checkpoints" / "turns.jsonl").read_text().splitlines()]


def free_ports(count: int) -> list[str]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports

"""How isolated a sandbox is, in three levels that a user can require.

- `isolated`: own namespaces (process ids, network, mounts, ipc), a file system of its own, the system-call filter.
- `confined`: the system-call filter (no sockets, no new processes), and no file of the host in reach (own root or Landlock).
- `limited`: resource limits only. A program can read the host's files and may reach the network.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel

from code_reward.errors import SandboxError

Level = Literal["limited", "confined", "isolated"]


class Isolation(BaseModel):
    """What a worker has around its programs."""

    level: Level
    layers: dict[str, str]
    """Layer to what it consists of; `no: reason` where the kernel or the container refuses it."""


def assess(layers: dict[str, str]) -> Isolation:
    """The level that these layers amount to."""
    has = {name for name, what in layers.items() if not what.startswith("no")}
    if {"namespaces", "root", "seccomp"} <= has:
        return Isolation(level="isolated", layers=layers)
    return Isolation(level="confined" if "seccomp" in has and has & {"root", "landlock"} else "limited", layers=layers)


def require(isolation: Isolation, level: Level) -> None:
    """Raise `SandboxError` when the isolation is below the level."""
    order = get_args(Level)
    if order.index(isolation.level) < order.index(level):
        missing = "; ".join(f"{name} {what}" for name, what in isolation.layers.items() if what.startswith("no"))
        raise SandboxError(
            f"The sandbox is only {isolation.level}, not {level} ({missing or 'layers were left out'}); "
            f"give its container the rights it lacks, or require less.",
            kind="not_isolated",
        )

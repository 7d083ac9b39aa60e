"""The options of `python -m reward_servers.gateway`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from code_reward.cli import Command


class Gateway(Command):
    """Answer trainers that ask for rewards over HTTP: extracts the program, asks the reward model, shapes the score."""

    rm_dir: Path
    """Folder of the reward model; the small files suffice."""
    rm_url: list[str] = Field(default=[])
    """Servers of the reward model; may be given again."""
    rm_router: str | None = None
    """Instead of --rm-url: a router whose workers, as it lists them, are asked."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """What the servers compute in."""
    shaping: str = "default"
    """How raw scores become rewards: default, codescaler, coderm-nt, raw, or a plugin's preset."""
    rejected: float | None = None
    """Reward of a rejected answer; only for a preset that has none of its own (raw)."""
    problems: list[Path] = Field(default=[])
    """Problems that the trainer's prompts were made of: they say which function a program must define. Else the request's metadata says it,
    or a prompt that declares one function."""
    deadline_seconds: float = Field(default=100.0, gt=0)
    """A request is answered, with 503 if need be, after this long; slime itself waits for 120 s, OpenRLHF for 180 s."""
    host: str = "127.0.0.1"
    """Address to listen on; anybody who reaches it may ask."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""

"""The options of `python -m reward_servers.sandbox`."""

from __future__ import annotations

from pydantic import Field

from code_reward.cli import Command
from reward_servers.sandbox.isolation import Level


class SandboxServer(Command):
    """Serve a sandbox over HTTP: POST /run (tests against a program), POST /run_code (as SandboxFusion does), GET /health, /metrics."""

    host: str = "127.0.0.1"
    """Address to listen on; anybody who reaches it may have programs run."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""
    workers: int | None = Field(default=None, ge=1)
    """Programs that run at once (with --ray on each machine); as many as there are cores by default."""
    ray: str | None = None
    """Address of a Ray cluster (`auto` for this machine's) over whose machines the programs are spread."""
    require: Level = "confined"
    """Refuse to serve below this level of isolation: limited, confined or isolated."""
    max_queue: int = Field(default=10_000, ge=1)
    """Programs that may wait; beyond, requests are answered 503 with Retry-After."""

"""The options of `python -m reward_servers.embedded`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from code_reward.cli import Command


class EmbeddedServer(Command):
    """Serve a reward model over HTTP from this process: POST /classify and /v1/embeddings as SGLang does, GET /health, /metrics."""

    model: Path
    """Reward model checkpoint: a Hugging Face folder with code_reward.json and reference_scores.json."""
    host: str = "127.0.0.1"
    """Address to listen on; anybody who reaches it may ask for scores."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port to listen on; 0 takes a free one and prints it."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the model."""
    device: str = "cpu"
    """Where the model runs: cpu, cuda, cuda:1."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of the model; torch decides by default."""
    max_batch_tokens: int = Field(default=16384, ge=1)
    """Tokens that are scored together; more delay single requests under load."""
    max_queue_tokens: int = Field(default=2_000_000, ge=1)
    """Tokens that may wait; beyond, requests are answered 503 with Retry-After."""

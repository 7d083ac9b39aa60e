"""`python -m reward_servers.embedded`: load a reward model, check it against its reference scores, serve it.

Prints `ready http://HOST:PORT` on stdout once it answers. Ends with status 2 and one sentence if the model is missing, broken or gives
other scores than its reference; with status 0 on SIGTERM or SIGINT, after the requests in flight are answered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from code_reward.cli import Command, run


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


def main(settings: EmbeddedServer) -> None:
    """Load, check and serve until told to stop."""
    from reward_servers.embedded.serving import serve

    serve(settings)


if __name__ == "__main__":
    run(EmbeddedServer, main)

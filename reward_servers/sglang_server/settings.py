"""The options of `python -m reward_servers.sglang_server`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from code_reward.cli import Command
from reward_servers.sglang_server.options import forbidden


class SGLangServer(Command):
    """Serve a reward model with SGLang: safe flags, replicas behind sglang-router, reference scores checked, the dead restarted."""

    model: Path
    """Reward model checkpoint; may be a symbolic link, which SIGHUP follows anew (docs/serving.md)."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Precision; never SGLang's `auto`, which serves a float32 checkpoint in float16."""
    replicas: int = Field(default=1, ge=1)
    """Copies of the model. More than one, or --router: sglang-router stands before them."""
    tp: int = Field(default=1, ge=1)
    """GPUs per replica, for tensor parallelism."""
    first_gpu: int = Field(default=0, ge=0)
    """The GPU that the first replica begins with; the others follow."""
    host: str = "127.0.0.1"
    """Address to listen on; anybody who reaches it may ask for scores."""
    port: int = Field(default=0, ge=0, le=55535)
    """What clients are told: the router, or the only replica. 0 takes a free one and prints it. SGLang wants the port 10,000 above, too."""
    router: bool = False
    """Put sglang-router before a single replica too, so that more can join later."""
    device: Literal["cuda", "cpu"] = "cuda"
    """Where SGLang runs; cpu is for tests."""
    option: list[str] = Field(default=[])
    """A further option of sglang.launch_server, as --option=--mem-fraction-static=0.5; may be given again."""
    logs: Path = Path("logs/sglang_server")
    """Folder for what SGLang and the router print."""
    start_seconds: float = Field(default=600.0, gt=0)
    """A replica must answer this long after it was started."""

    @model_validator(mode="after")
    def _leave_alone_what_is_ours(self) -> SGLangServer:
        for option in self.option:
            if reason := forbidden(option):
                raise ValueError(reason)
        return self

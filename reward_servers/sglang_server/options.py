"""Which of SGLang's own options a person may hand on to it, and why not the others."""

from __future__ import annotations

from typing import Final

_OURS: Final = {
    "--model-path": "--model",
    "--model": "--model",
    "--dtype": "--dtype",
    "--host": "--host",
    "--port": "--port",
    "--tp": "--tp",
    "--tp-size": "--tp",
    "--tensor-parallel-size": "--tp",
    "--base-gpu-id": "--first-gpu",
    "--device": "--device",
}
_HARMFUL: Final = {
    "--allow-auto-truncate": "an input cut by the server is scored on its wrong token; inputs are cut by code_reward.json",
    "--context-length": "the context follows from code_reward.json",
    "--tokenizer-path": "the checkpoint's own tokenizer is the right one",
    "--json-model-override-args": "it could change what the model computes",
    "--quantization": "the scores would not be the reference scores",
}


def forbidden(option: str) -> str | None:
    """Why `option` must not be handed on to SGLang; None if it may."""
    name = option.partition("=")[0]
    if not name.startswith("--"):
        return f"{option!r} is no option; write --option=--name=value"
    if name in _OURS:
        return f"{name} is decided here; use {_OURS[name]}"
    return f"{name} is not allowed: {_HARMFUL[name]}" if name in _HARMFUL else None

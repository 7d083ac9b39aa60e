"""Megatron's options for a Hugging Face checkpoint, as in slime's `scripts/models/*.sh`: `python -m slime_on_cpu.model_flags FOLDER`.

For models made from scratch, which no script of slime describes: dense Qwen2, Qwen3 and GLM-4 (0414), of any size,
language models and reward models alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError

BY_ARCHITECTURE: dict[str, tuple[str, ...]] = {
    "Qwen2": ("--add-qkv-bias",),
    "Qwen3": ("--qk-layernorm",),
    "Glm4": ("--post-self-attn-layernorm", "--post-mlp-layernorm", "--rotary-interleaved"),
}


def model_flags(folder: Path) -> list[str]:
    """One word per flag and per value; raises `ConfigurationError` for a folder that holds no such model."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return [*_flags(config)]
    except (OSError, ValueError, KeyError) as error:
        message = f"{folder} holds no model that can be described ({error!r}); give a folder of a {', '.join(BY_ARCHITECTURE)}."
        raise ConfigurationError(message) from error


def _flags(config: dict[str, Any]) -> Iterator[str]:
    yield from ("--swiglu", "--use-rotary-position-embeddings", "--disable-bias-linear", "--normalization", "RMSNorm")
    yield from ("--group-query-attention", *BY_ARCHITECTURE[config["architectures"][0].partition("For")[0]])
    if config.get("attention_bias"):
        yield "--add-qkv-bias"
    if not config["tie_word_embeddings"]:
        yield "--untie-embeddings-and-output-weights"
    for flag, value in _sizes(config).items():
        yield from (flag, str(value))


def _sizes(config: dict[str, Any]) -> dict[str, Any]:
    heads = config["num_attention_heads"]
    rope = config["rope_parameters"]
    return {
        "--num-layers": config["num_hidden_layers"],
        "--hidden-size": config["hidden_size"],
        "--ffn-hidden-size": config["intermediate_size"],
        "--num-attention-heads": heads,
        "--num-query-groups": config["num_key_value_heads"],
        "--kv-channels": config.get("head_dim") or config["hidden_size"] // heads,
        "--vocab-size": config["vocab_size"],
        "--norm-epsilon": config["rms_norm_eps"],
        "--rotary-base": int(rope["rope_theta"]),
        "--rotary-percent": rope.get("partial_rotary_factor", 1.0),
    }


class ModelFlags(Command):
    """Print Megatron's options for a Qwen2, Qwen3 or GLM-4 checkpoint of any size, a word per line."""

    folder: CliPositionalArg[Path]
    """A Hugging Face folder; its config.json is read."""


def main(settings: ModelFlags) -> None:
    """Print them."""
    print("\n".join(model_flags(settings.folder)))


if __name__ == "__main__":
    run(ModelFlags, main)

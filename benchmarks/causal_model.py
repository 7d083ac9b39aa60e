"""A causal language model and its tokenizer from a folder, as every part of this room that reads or asks one loads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from code_reward.errors import ConfigurationError


def load_causal(folder: Path, dtype: str, device: str) -> tuple[Any, Any]:
    """The model, in evaluation mode on `device`, and the tokenizer; raises `ConfigurationError` where the folder holds none."""
    if not (folder / "config.json").is_file():
        raise ConfigurationError(f"{folder} holds no config.json; give the folder of a causal language model.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).to(device).eval()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{folder} cannot be loaded as a causal language model ({error}); check the folder.") from error
    return model, tokenizer

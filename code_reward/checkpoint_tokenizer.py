"""The tokenizer files of a checkpoint folder, read with `tokenizers` alone.

`tokenizer.json` is the truth for text to ids. transformers may build another pre-tokenizer for some model types (`qwen2`) than the file
says; serving engines that read the file would then disagree with training, so everyone here goes by the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from code_reward.errors import ConfigurationError

_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def read_tokenizer(folder: Path) -> tuple[Tokenizer, str | None, dict[str, str]]:
    """The tokenizer (no truncation, no padding), its chat template or None, and its special tokens by name.

    Raises `ConfigurationError` for a missing or unreadable file.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ConfigurationError(f"{path} does not exist; save the checkpoint with a fast tokenizer.")
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises plain Exception for a file that it cannot read.
        raise ConfigurationError(f"{path} is not a tokenizer ({error}); save the checkpoint's tokenizer again.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    settings = _read_json(folder / "special_tokens_map.json") | _read_json(folder / "tokenizer_config.json")
    special_tokens = {name: token for name in _NAMES if (token := _content(settings.get(name))) is not None}
    return tokenizer, _chat_template(folder, settings), special_tokens


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON ({error}); save the checkpoint's tokenizer again.") from error
    if not isinstance(settings, dict):
        raise ConfigurationError(f"{path} does not hold an object; save the checkpoint's tokenizer again.")
    return settings


def _content(token: Any) -> str | None:
    """A special token is written as its text or as an object with its `content`."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _chat_template(folder: Path, settings: dict[str, Any]) -> str | None:
    """A file of its own comes first; a list of named templates stands for its `default`."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    template = settings.get("chat_template")
    if isinstance(template, list):
        template = next((entry.get("template") for entry in template if isinstance(entry, dict) and entry.get("name") == "default"), None)
    return template if isinstance(template, str) else None

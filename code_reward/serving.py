"""What SGLang must be told of a reward model, wherever it is started: beside slime, or inside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from code_reward.errors import ConfigurationError
from code_reward.rm_input import RMInput, RMInputSettings

_OUR_CLASSES: Final = {"Glm4ForSequenceClassification": "reward_servers.sglang_models"}

PACKAGE_VARIABLE: Final = "SGLANG_EXTERNAL_MODEL_PACKAGE"
"""The environment variable by which SGLang finds model classes that it lacks."""


def context_length(model: Path) -> int:
    """Tokens that SGLang must take: one more than the longest input, for it refuses an input as long as its context."""
    needed = RMInput.load(model).settings.max_tokens + 1
    able = _config(model).get("max_position_embeddings", needed)
    if needed > able:
        raise ConfigurationError(
            f"{model} takes {able} positions and SGLang one token less; lower max_tokens in its code_reward.json to {able - 1}."
        )
    return needed


def fit_context(settings: RMInputSettings, model: Path) -> RMInputSettings:
    """`settings`, with inputs as long as SGLang can take for `model` if they would be longer."""
    longest = _config(model).get("max_position_embeddings", settings.max_tokens + 1) - 1
    return settings.model_copy(update={"max_tokens": min(settings.max_tokens, longest)})


def model_package(model: Path) -> str | None:
    """The package with the model's class where SGLang has none."""
    return next((_OUR_CLASSES[name] for name in _config(model).get("architectures") or [] if name in _OUR_CLASSES), None)


def _config(model: Path) -> dict[str, Any]:
    path = model / "config.json"
    if not path.is_file():
        raise ConfigurationError(f"{path} does not exist; give the whole folder of the model.")
    config: dict[str, Any] = json.loads(path.read_bytes())
    return config

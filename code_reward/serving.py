"""What SGLang must be told of a reward model, wherever it is started: beside slime, or inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from code_reward.errors import ConfigurationError
from code_reward.folders import read_config
from code_reward.rm_input import RMInput, RMInputSettings

_OUR_CLASSES: Final = {"Glm4ForSequenceClassification": "reward_servers.sglang_models"}

PACKAGE_VARIABLE: Final = "SGLANG_EXTERNAL_MODEL_PACKAGE"
"""The environment variable by which SGLang finds model classes that it lacks."""


def context_length(model: Path) -> int:
    """Tokens that SGLang must take: one more than the longest input, for it refuses an input as long as its context."""
    needed = RMInput.load(model).settings.max_tokens + 1
    able = read_config(model).get("max_position_embeddings", needed)
    if needed > able:
        raise ConfigurationError(
            f"{model} takes {able} positions and SGLang one token less; lower max_tokens in its code_reward.json to {able - 1}."
        )
    return needed


def fit_context(settings: RMInputSettings, model: Path) -> RMInputSettings:
    """`settings`, with inputs as long as SGLang can take for `model` if they would be longer."""
    longest = read_config(model).get("max_position_embeddings", settings.max_tokens + 1) - 1
    return settings.model_copy(update={"max_tokens": min(settings.max_tokens, longest)})


def model_package(model: Path) -> str | None:
    """The package with the model's class where SGLang has none."""
    return next((_OUR_CLASSES[name] for name in read_config(model).get("architectures") or [] if name in _OUR_CLASSES), None)

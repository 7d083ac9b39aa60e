"""Reward model classes that SGLang lacks; it finds them by `SGLANG_EXTERNAL_MODEL_PACKAGE=reward_servers.sglang_models`.

Only SGLang's own processes import what is in here.
"""

from typing import Final

PACKAGE: Final = "reward_servers.sglang_models"
ARCHITECTURES: Final = ("Glm4ForSequenceClassification",)
"""What is served by this package, by the names in config.json."""

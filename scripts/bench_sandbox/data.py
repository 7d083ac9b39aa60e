"""Where the published data lie."""

from __future__ import annotations

import os
from pathlib import Path

from code_reward.errors import ConfigurationError


def folder() -> Path:
    """The folder that CODE_REWARD_DATA names."""
    name = os.environ.get("CODE_REWARD_DATA")
    if not name:
        raise ConfigurationError("CODE_REWARD_DATA is not set; set it to the folder with the published data.")
    return Path(name)

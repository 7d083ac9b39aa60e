"""Folders of models: what is given must be one, and a name on the model hub is told from a path that is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def require_folder(path: Path, what: str) -> None:
    """Raise `ConfigurationError` unless `path` is a folder; `what` it should be, e.g. `a reward model`.

    The message for what looks like a name on the hub (`owner/name`) says how to get the folder.
    """
    if path.is_dir():
        return
    if path.exists():
        raise ConfigurationError(f"{path} is a file; give the folder of {what}.", kind="no_folder")
    if _HUB_NAME.fullmatch(str(path)) and not path.parent.exists():
        fetch = f"hf download {path} --local-dir models/{path.name}"
        raise ConfigurationError(
            f"{path} is no folder here; if it is a name on the hub, fetch it with `{fetch}` and give models/{path.name}.", kind="no_folder"
        )
    raise ConfigurationError(f"{path} does not exist; give the folder of {what}.", kind="no_folder")


def read_config(folder: Path, what: str = "a model") -> dict[str, Any]:
    """The `config.json` of a model's folder; raises `ConfigurationError` where there is none that can be read."""
    require_folder(folder, what)
    path = folder / "config.json"
    if not path.is_file():
        raise ConfigurationError(f"{path} does not exist; give the whole folder of {what}.")
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON ({error}); fetch or write the folder again.") from error
    if not isinstance(config, dict):
        raise ConfigurationError(f"{path} does not hold an object; fetch or write the folder again.")
    return config

"""What `reward.custom_reward_function.reward_kwargs` may say, and the one client that belongs to it in a process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from code_reward.errors import ConfigurationError
from code_reward.shaping import shape
from code_reward.verdict import Rejected
from reward_servers.client import ClientSettings, RewardClient


class Settings(BaseModel):
    """How answers are judged; the keys of verl's `reward_kwargs`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rm_dir: Path
    """Folder of the reward model; the small files suffice."""
    rm_urls: tuple[str, ...] = ()
    """Servers of the reward model; without them, and without a router, the reward model that verl itself serves."""
    rm_router: str | None = None
    """Instead of `rm_urls`: a router whose workers, as it lists them, are asked."""
    shaping: str = "default"
    """How raw scores become rewards."""
    rejected: float | None = None
    """Reward of a rejected answer; only for a preset that has none of its own (`raw`)."""
    client: ClientSettings = ClientSettings()
    """Deadlines, budgets and retries of the client."""

    def served_at(self, address: str | None) -> Settings:
        """These settings with verl's own reward model router in the place of servers that are not named."""
        if self.rm_urls or self.rm_router:
            return self
        if not address:
            raise ConfigurationError("reward_kwargs names no reward model server; set rm_urls or rm_router, or let verl serve the model.")
        return self.model_copy(update={"rm_urls": (f"http://{address}",)})


def read(keywords: Mapping[str, Any]) -> Settings:
    """The settings, validated once per process; raises `ConfigurationError` that names the first wrong key."""
    return _read(json.dumps(_plain(keywords), sort_keys=True))


def _plain(value: Any) -> Any:
    """OmegaConf's mappings and lists as Python's own."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


@cache
def _read(text: str) -> Settings:
    try:
        settings = Settings.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "reward_kwargs"
        raise ConfigurationError(f"reward_kwargs: {where}: {first['msg']}; correct it.") from error
    # A preset fails on its own terms; better at the first answer than at the first rejected one.
    shape(Rejected("no_code"), settings.shaping, rejected=settings.rejected)
    return settings


@cache
def client_of(settings: Settings) -> RewardClient:
    """The process's client for these settings; it serves any number of event loops and lives as long as the process."""
    return RewardClient(settings.rm_dir, settings.rm_urls, router=settings.rm_router, settings=settings.client)

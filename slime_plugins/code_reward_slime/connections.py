"""The clients and the sandbox of this process: made at the first use, kept for the life of the run, one for equal settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, TypeVar

from code_reward.errors import ConfigurationError
from code_reward_slime.places import own_folder
from code_reward_slime.settings import PREFIX, Settings
from data_prep.judges.client import JudgeClient
from data_prep.judges.settings import JudgeSettings
from reward_servers.client import RewardClient
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Sandbox

T = TypeVar("T")


class _Kept(Generic[T]):
    """Things that are slow to make, by what they were made of; made in a thread, so that no event loop waits."""

    def __init__(self) -> None:
        self.made: dict[Hashable, T] = {}
        self._lock = Lock()

    async def get(self, key: Hashable, make: Callable[[], T]) -> T:
        if key not in self.made:
            await asyncio.to_thread(self._make, key, make)
        return self.made[key]

    def _make(self, key: Hashable, make: Callable[[], T]) -> None:
        with self._lock:
            if key not in self.made:
                self.made[key] = make()


_CLIENTS: _Kept[RewardClient] = _Kept()
_JUDGES: _Kept[JudgeClient] = _Kept()
_SANDBOXES: _Kept[Sandbox] = _Kept()


async def reward_client(args: Any, settings: Settings) -> RewardClient:
    """The client of the reward model; raises `ConfigurationError` where none is set up, or its folder is not a reward model's."""
    folder = settings.rm_dir
    if folder is None:
        raise ConfigurationError(f"No reward model is set up; set {PREFIX}rm_dir to its folder in the custom config.")
    urls = settings.rm_urls
    router = None if urls else router_of(args, settings)
    make = lambda: RewardClient(folder, urls, router=router, settings=settings.client)  # noqa: E731
    return await _CLIENTS.get((folder, urls, router, settings.client), make)


async def judge_client(args: Any, settings: Settings) -> tuple[JudgeClient, JudgeSettings]:
    """The client of the judge, and what it was made of; raises `ConfigurationError` where no judge is set up."""
    judge = settings.judge
    if judge is None:
        raise ConfigurationError(f"No judge is set up; set {PREFIX}judge with urls and model in the custom config.")
    box = await sandbox(settings) if judge.traces == "own" else None
    folder = own_folder(args, settings) if judge.budget_calls or judge.budget_tokens else None
    spent = None if folder is None else folder / "judge_spent.jsonl"
    return await _JUDGES.get((judge, spent, box), lambda: JudgeClient(judge, box, spent)), judge


async def sandbox(settings: Settings) -> Sandbox:
    """The sandbox for unit tests: a server's client, or one in this process."""
    key = (settings.sandbox_url, settings.sandbox_workers, settings.sandbox_mode)
    return await _SANDBOXES.get(key, lambda: connect(*key))


async def close() -> None:
    """Close what belongs to the running event loop, and the sandbox of this process."""
    for client in _CLIENTS.made.values():
        await client.close()
    for judge in _JUDGES.made.values():
        await judge.close()
    for box in _SANDBOXES.made.values():
        await box.close()
    _SANDBOXES.made.clear()


def router_of(args: Any, settings: Settings) -> str:
    """The address of slime's router for the reward model; raises `ConfigurationError` if slime serves no such model."""
    routers = getattr(args, "sglang_model_routers", None) or {}
    if settings.rm_name not in routers:
        raise ConfigurationError(
            f"slime serves no model named {settings.rm_name!r} (it serves: {', '.join(routers) or 'none by name'}); "
            f"set {PREFIX}rm_urls, or name the reward model so in the YAML of --sglang-config."
        )
    host, port = routers[settings.rm_name]
    return f"http://{host}:{port}"

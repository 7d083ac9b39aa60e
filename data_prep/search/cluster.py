"""A search on many machines: Ray runs one part of the problems on each, as `--shard` does by hand.

All machines see the run's folder. A part whose machine or process dies is run again, elsewhere if need be, and goes on from its folder;
two processes never write to one. Endpoints and budget are the whole run's: each part gets its share.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from code_reward.errors import CodeRewardError, ConfigurationError
from data_prep.llm import RunStopped
from data_prep.search.parts import begun_parts
from data_prep.search.session import Paid, Spent, Told, grow_part
from data_prep.search.settings import Search

_RETRIES = 3
_LOOK_SECONDS = 0.5
_KNOCK_SECONDS = 5.0


@dataclass(frozen=True)
class _Ended:
    """How a part ended: what it spent, or its failure's message and kind."""

    spent: Spent = field(default_factory=Spent)
    message: str = ""
    kind: str = ""


def grow_parts(settings: Search, told: Told, paid: Paid | None = None) -> Spent:
    """Run all parts on the cluster at `settings.ray` and wait for them; `paid` hears how many calls they have paid for together.

    Raises:
        ConfigurationError: No cluster can be used, or Ray is not installed.
        RunStopped: A part stopped; the others have been waited for.
    """
    if settings.shard != "0/1":
        raise ConfigurationError("--ray parts the problems itself; leave --shard away.")
    ray = _connect(settings.ray or "")
    try:
        # A run that goes on keeps its parts, however many machines there are now.
        count = settings.parts or begun_parts(settings.out) or len([node for node in ray.nodes() if node["Alive"]])
        board = ray.remote(num_cpus=0)(_Board).remote()
        part = ray.remote(num_cpus=1, scheduling_strategy="SPREAD", max_retries=_RETRIES)(_run_part)
        waiting = [part.remote(settings.share(number, count), board) for number in range(count)]
        ended: list[_Ended] = []
        while waiting:
            done, waiting = ray.wait(waiting, num_returns=1, timeout=_LOOK_SECONDS)
            ended += ray.get(done)
            news, calls = ray.get(board.take.remote())
            for one in news:
                told(*one)
            if paid is not None and calls:
                paid(calls)
    finally:
        ray.shutdown()
    return _sum(ended)


class _Board:
    """What the parts tell, until the driver takes it; trees of earlier runs are told once, however often a part begins.

    A part counts its paid calls over all its runs, so the last count of each stands.
    """

    def __init__(self) -> None:
        self._paid: dict[str, int] = {}
        self._begun: set[str] = set()
        self._news: list[tuple[int, list[str]]] = []

    def tell(self, part: str, trees: int, outcomes: list[str]) -> None:
        if outcomes or part not in self._begun:
            self._news.append((trees, outcomes))
        self._begun.add(part)

    def pay(self, part: str, calls: int) -> None:
        self._paid[part] = calls

    def take(self) -> tuple[list[tuple[int, list[str]]], int]:
        news, self._news = self._news, []
        return news, sum(self._paid.values())


def _run_part(settings: Search, board: Any) -> _Ended:
    def told(trees: int, outcomes: list[str]) -> None:
        board.tell.remote(settings.shard, trees, outcomes)

    try:
        return _Ended(grow_part(settings, told, lambda calls: board.pay.remote(settings.shard, calls)))
    except CodeRewardError as error:
        return _Ended(message=str(error), kind=error.kind)


def _connect(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigurationError("Ray is not installed here; install it: pip install 'code-reward[ray]'.") from error
    _check_reachable(address)
    # Workers import our modules from where this process does.
    environment = {"env_vars": {"PYTHONPATH": ":".join(path for path in sys.path if path)}}
    try:
        ray.init(address=address, runtime_env=environment, log_to_driver=False, logging_level="error", include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, error) from error
    return ray


def _check_reachable(address: str) -> None:
    """Ray itself knocks for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> ConfigurationError:
    said = str(error).strip().partition("\n")[0]
    return ConfigurationError(f"No Ray cluster at {address!r} can be used ({said}); start one, or give --ray local.")


def _sum(parts: Sequence[_Ended]) -> Spent:
    failed = [part for part in parts if part.kind]
    if failed:
        more = f" {len(failed) - 1} more of its {len(parts)} parts stopped." if len(failed) > 1 else ""
        raise RunStopped(f"A part of the run stopped: {failed[0].message}{more}", kind=failed[0].kind)
    spent = [part.spent for part in parts]
    return Spent(sum(one.trees for one in spent), sum(one.calls for one in spent), sum(one.tokens for one in spent))

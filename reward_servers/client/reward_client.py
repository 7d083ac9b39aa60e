"""The reward client: a problem and an answer in, a verdict out. See `RewardClient`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import perf_counter

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.reference import Reference
from code_reward.rm_input import RMInput
from code_reward.verdict import Missing, Rejected, Verdict
from reward_servers.client.asking import AskError
from reward_servers.client.cache import ScoreCache
from reward_servers.client.engine import Engine
from reward_servers.client.preparation import Preparation
from reward_servers.client.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and how it came about.

    `cut`: the statement was cut to fit the model; `seconds`: from the question to the verdict; `rm`: which reward model judged, by the
    digest of its reference scores; `cached`: no forward pass was spent, because the same input was known or already in flight.
    """

    verdict: Verdict
    cut: bool
    seconds: float
    rm: str
    cached: bool


class RewardClient:
    """Asks reward model servers, from any number of event loops, for verdicts that are right or missing, never made up.

    Args:
        rm_dir (`str | Path`): The reward model's folder; code_reward.json, reference_scores.json and the tokenizer suffice.
        urls (`Sequence[str]`, *optional*): Servers: workers, or routers that take `/v1/embeddings`.
        router (`str`, *optional*): A router whose workers, as it lists them, are asked directly. Give this or `urls`.
        settings (`ClientSettings`, *optional*): Budgets, deadlines, retries.

    Raises:
        `ConfigurationError` or `DataError`: Wrong arguments, or a folder that is not a reward model's.

    Example:
        >>> async def main():
        ...     async with RewardClient("runs/rm", urls=["http://127.0.0.1:8001"]) as client:
        ...         print((await client.verdict("Add two numbers.", "```python\\ndef add(a, b): return a + b\\n```")).verdict)
    """

    def __init__(
        self, rm_dir: str | Path, urls: Sequence[str] = (), *, router: str | None = None, settings: ClientSettings | None = None
    ) -> None:
        if bool(urls) == (router is not None):
            raise ConfigurationError("Give the reward client either urls or a router.")
        for url in [*urls, *([router] if router else [])]:
            if not url.startswith(("http://", "https://")):
                raise ConfigurationError(f"{url!r} is not a URL of a reward server; it must begin with http:// or https://.")
        self._folder = Path(rm_dir)
        self._rm_input = RMInput.load(self._folder)
        self._reference = Reference.load(self._folder)
        self._digest = sha256(self._reference.model_dump_json().encode()).hexdigest()[:12]
        self._urls, self._router = [url.rstrip("/") for url in urls], router.rstrip("/") if router else None
        self._settings = settings or ClientSettings()
        self._cache = ScoreCache(self._settings.cache_items)
        self._engines: dict[asyncio.AbstractEventLoop, tuple[Engine, Preparation]] = {}
        self._lock = Lock()

    async def verdict(self, statement: str, response: str, entry_point: str | None = None) -> Judged:
        """The verdict on one answer, within `deadline_seconds`. Never raises for what a server or an answer does."""
        start = perf_counter()
        engine, preparation = self._here()
        deadline = asyncio.get_running_loop().time() + self._settings.deadline_seconds
        try:
            prepared = await asyncio.wait_for(preparation.prepare(statement, response, entry_point), self._settings.deadline_seconds)
        except asyncio.TimeoutError:
            prepared = Missing("timeout")
        if isinstance(prepared, (Rejected, Missing)):
            return self._judged(prepared, False, start, False)
        verdict, cached = await engine.score(prepared.ids, statement, deadline)
        return self._judged(verdict, bool(prepared.cut), start, cached)

    async def verdicts(self, answers: Sequence[tuple[str, str] | tuple[str, str, str | None]]) -> list[Judged]:
        """The verdicts on (statement, response[, entry_point]), in order."""
        return list(await asyncio.gather(*(self.verdict(*answer) for answer in answers)))

    async def check(self) -> None:
        """Ask every server for the reference scores now; raises `RewardServerError` that names the first that is off or unreachable."""
        engine, _ = self._here()
        try:
            await engine.check()
        except AskError as error:
            raise RewardServerError(f"{error}; start or correct the reward server.", kind=error.reason) from error

    async def close(self) -> None:
        """Close the connections and processes of this event loop; verdicts in flight become `Missing("closed")`."""
        with self._lock:
            engine, preparation = self._engines.pop(asyncio.get_running_loop(), (None, None))
        if engine is not None and preparation is not None:
            await preparation.close()
            await engine.close()

    async def __aenter__(self) -> RewardClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def _here(self) -> tuple[Engine, Preparation]:
        """What belongs to the running event loop. Connections cannot be shared between loops, and fully-async slime has two."""
        loop = asyncio.get_running_loop()
        with self._lock:
            for closed in [other for other in self._engines if other.is_closed()]:
                del self._engines[closed]
            if loop not in self._engines:
                engine = Engine(self._reference, self._urls, self._router, self._settings, self._cache)
                self._engines[loop] = engine, Preparation(self._folder, self._rm_input, self._settings)
            return self._engines[loop]

    def _judged(self, verdict: Verdict, cut: bool, start: float, cached: bool) -> Judged:
        return Judged(verdict, cut, perf_counter() - start, self._digest, cached)

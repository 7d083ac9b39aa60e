"""The reward client: a problem and an answer in, a verdict out. See `RewardClient`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import perf_counter

from code_reward.deadlines import within
from code_reward.errors import CodeRewardError, ConfigurationError, RewardServerError
from code_reward.folders import require_folder
from code_reward.reference import Reference
from code_reward.rm_input import RMInput
from code_reward.verdict import Missing, Rejected, Scored, Verdict
from reward_servers.client.asking import AskError
from reward_servers.client.cache import Cache
from reward_servers.client.engine import Engine
from reward_servers.client.preparation import Preparation
from reward_servers.client.settings import ClientSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and how it came about.

    `cut`: the statement was cut to fit the model; `seconds`: from the question to the verdict; `rm`: which reward model judged, by the
    digest of its reference scores; `cached`: no forward pass was spent, because the same input was known or already in flight; `closed` and
    `one_block`: of the answer's `Extraction`.
    """

    verdict: Verdict
    cut: bool
    seconds: float
    rm: str
    cached: bool
    closed: bool = True
    one_block: bool = False


class RewardClient:
    """Asks reward model servers, from any number of event loops, for verdicts that are right or missing, never made up.

    Args:
        rm_dir (`str | Path`): The reward model's folder; code_reward.json, reference_scores.json and the tokenizer suffice.
        urls (`Sequence[str]`, *optional*): Servers: workers, or routers that take `/v1/embeddings`.
        router (`str`, *optional*): A router whose workers, as it lists them, are asked directly. Give this or `urls`.
        settings (`ClientSettings`, *optional*): Budgets, deadlines, retries.

    A symbolic link as `rm_dir` is followed anew when a server gives other scores than expected: what it names then is the reward model from
    there on, and nothing in flight is lost.

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
        self._urls, self._router = [url.rstrip("/") for url in urls], router.rstrip("/") if router else None
        self._settings = settings or ClientSettings()
        self._model = Model(self._folder, self._settings)
        self._parts: dict[asyncio.AbstractEventLoop, _Parts] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._lock = Lock()

    async def verdict(self, statement: str, response: str, entry_point: str | None = None) -> Judged:
        """The verdict on one answer, within `deadline_seconds`. Never raises for what a server or an answer does."""
        start = perf_counter()
        deadline = asyncio.get_running_loop().time() + self._settings.deadline_seconds
        while True:
            parts = self._here()
            judged = await parts.judge(statement, response, entry_point, deadline)
            # Closed because the reward model was swapped: the new one judges.
            if judged.verdict != Missing("closed") or parts.model is self._model:
                return replace(judged, seconds=perf_counter() - start)

    async def verdicts(self, answers: Sequence[tuple[str, str] | tuple[str, str, str | None]]) -> list[Judged]:
        """The verdicts on (statement, response[, entry_point]), in order."""
        return list(await asyncio.gather(*(self.verdict(*answer) for answer in answers)))

    async def score(self, ids: list[int]) -> Verdict:
        """The verdict on an input that is complete already (`RMInput.encode`), within `deadline_seconds`; as `verdict`, it never raises."""
        deadline = asyncio.get_running_loop().time() + self._settings.deadline_seconds
        verdict, _ = await self._here().engine.score(ids, "", deadline)
        return verdict

    async def lines(self, statement: str, response: str, entry_point: str | None = None) -> list[float | None]:
        """The score of the answer's program up to each of its lines (`code_reward.line_inputs`), within `deadline_seconds`.

        None for a line that has no score, for whatever reason; empty where the answer has no program, or it could not be prepared.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.deadline_seconds
        return await self._here().lines(statement, response, entry_point, deadline)

    async def check(self) -> None:
        """Ask every server for the reference scores now; raises `RewardServerError` that names the first that is off or unreachable."""
        try:
            await self._here().engine.check()
        except AskError as error:
            raise RewardServerError(f"{error}; start or correct the reward server.", kind=error.reason) from error

    async def close(self) -> None:
        """Close the connections and processes of this event loop; verdicts in flight become `Missing("closed")`."""
        loop = asyncio.get_running_loop()
        following = {task for task in self._following if task.get_loop() is loop}
        for task in following:
            task.cancel()
        if following:  # One of them may be closing what it has replaced.
            await asyncio.wait(following)
        with self._lock:
            parts = self._parts.pop(loop, None)
        if parts is not None:
            await parts.close()

    async def __aenter__(self) -> RewardClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def _here(self) -> _Parts:
        """What belongs to the running event loop. Connections cannot be shared between loops, and fully-async slime has two."""
        loop = asyncio.get_running_loop()
        with self._lock:
            for closed in [other for other in self._parts if other.is_closed()]:
                del self._parts[closed]
            if loop not in self._parts:
                model = self._model
                engine = Engine(model.reference, self._urls, self._router, self._settings, model.cache, self._look_again)
                self._parts[loop] = _Parts(model, engine, Preparation(model.folder, model.rm_input, self._settings))
            return self._parts[loop]

    def _look_again(self) -> None:
        """A server gave other scores than expected: perhaps the reward model was swapped, and the folder with it."""
        if not self._following:
            task = asyncio.create_task(self._follow_folder())
            self._following.add(task)
            task.add_done_callback(self._following.discard)

    async def _follow_folder(self) -> None:
        if self._folder.resolve() == self._model.folder:
            return
        try:
            model = await asyncio.to_thread(Model, self._folder, self._settings)
        except CodeRewardError as error:
            logger.warning("The reward model's folder changed, but cannot be used: %s", error)
            return
        logger.warning("The reward model is now %s.", model.folder)
        with self._lock:
            self._model, replaced, self._parts = model, self._parts, {}
        own = replaced.pop(asyncio.get_running_loop(), None)
        for loop, parts in replaced.items():
            if not loop.is_closed():
                asyncio.run_coroutine_threadsafe(parts.close(), loop)
        if own is not None:
            await own.close()


class Model:
    """One reward model as a client knows it: its input, its reference scores, and the scores that it has given."""

    def __init__(self, folder: Path, settings: ClientSettings) -> None:
        require_folder(folder, "a reward model")
        # Whatever a symbolic link names later, this stays the model that it named now.
        self.folder = folder.resolve()
        self.rm_input = RMInput.load(self.folder)
        self.reference = Reference.load(self.folder)
        self.digest = sha256(self.reference.model_dump_json().encode()).hexdigest()[:12]
        self.cache = Cache[float](settings.cache_items)


@dataclass(frozen=True)
class _Parts:
    """What asks one reward model in one event loop."""

    model: Model
    engine: Engine
    preparation: Preparation

    async def judge(self, statement: str, response: str, entry_point: str | None, deadline: float) -> Judged:
        """The verdict and how it came about, but for the time."""
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        try:
            prepared = await within(left, self.preparation.prepare(statement, response, entry_point))
        except asyncio.TimeoutError:
            prepared = Missing("timeout")
        if isinstance(prepared, (Rejected, Missing)):
            return Judged(prepared, False, 0.0, self.model.digest, False)
        verdict, cached = await self.engine.score(prepared.ids, statement, deadline)
        return Judged(verdict, bool(prepared.cut), 0.0, self.model.digest, cached, prepared.closed, prepared.one_block)

    async def lines(self, statement: str, response: str, entry_point: str | None, deadline: float) -> list[float | None]:
        """The scores of the program's beginnings."""
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        try:
            inputs = await within(left, self.preparation.by_line(statement, response, entry_point))
        except asyncio.TimeoutError:
            return []
        if isinstance(inputs, Missing):
            return []
        verdicts = iter(await asyncio.gather(*(self.engine.score(ids, statement, deadline) for ids in inputs if ids is not None)))
        return [None if ids is None else _value(next(verdicts)[0]) for ids in inputs]

    async def close(self) -> None:
        try:
            await self.preparation.close()
        finally:
            await self.engine.close()


def _value(verdict: Verdict) -> float | None:
    return verdict.value if isinstance(verdict, Scored) else None

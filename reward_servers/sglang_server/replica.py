"""One replica: started, waited for, checked against the reference scores, watched, and made to load another checkpoint."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from code_reward.errors import RewardServerError
from code_reward.reference import Dtype, Reference, require_equal
from reward_servers.client.asking import AskError, ask
from reward_servers.sglang_server.process import Process
from reward_servers.wire import CLASSIFY, WireError

HEALTH_SECONDS = 30.0
"""SGLang answers /health after having scored something, behind what it is busy with; it gives up itself after 20 s."""
_POLL_SECONDS = 0.5


class Replica:
    """A process of SGLang that serves one reward model at `url`. Whoever restarts it or changes its model holds `changing`."""

    def __init__(self, host: str, port: int, process: Process, session: aiohttp.ClientSession) -> None:
        self.port, self.url = port, f"http://{host}:{port}"
        self.process, self._session, self.changing = process, session, asyncio.Lock()

    async def start(self, seconds: float) -> None:
        """Start and wait until it answers; raises `RewardServerError` with its last words if it does not in `seconds`."""
        await self.process.start()
        deadline = asyncio.get_running_loop().time() + seconds
        while not await self.healthy():
            if not self.process.alive:
                raise RewardServerError(self._explain("ended before it was ready"), kind="not_started")
            if asyncio.get_running_loop().time() > deadline:
                raise RewardServerError(self._explain(f"was not ready after {seconds:.0f} s"), kind="not_started")
            await asyncio.sleep(_POLL_SECONDS)
        self.process.note_shared_memory()

    async def healthy(self) -> bool:
        """Whether it runs and scores."""
        if not self.process.alive:
            return False
        try:
            async with self._session.get(f"{self.url}/health", timeout=aiohttp.ClientTimeout(total=HEALTH_SECONDS)) as response:
                return response.status == 200
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
            return False

    async def check(self, reference: Reference, dtype: Dtype) -> None:
        """Have it score the reference items; raises `RewardServerError` with the difference."""
        try:
            results = await ask(self._session, self.url, CLASSIFY, [item.ids for item in reference.items])
        except AskError as error:
            raise RewardServerError(f"{error}; its log is {self.process.log}.", kind=error.reason) from error
        scores = [float("nan") if isinstance(result, WireError) else result for result in results]
        require_equal(reference, scores, dtype, self.url)

    async def load(self, model: Path) -> bool:
        """Make the running process load the weights of `model`; whether it could."""
        body = {"model_path": str(model)}
        try:
            async with self._session.post(f"{self.url}/update_weights_from_disk", json=body) as response:
                return response.status == 200
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
            return False

    def _explain(self, what: str) -> str:
        return f"The replica at {self.url} {what}; see {self.process.log}, which ends:\n{self.process.last_words()}"

"""The fault table: servers that really misbehave under a job that goes on asking, rollout after rollout, as slime does.

The job is slime's part in small: hooks of `code_reward_slime` on samples, then `group_advantages`, which raises where the run must stop.
Every server scores by a function of the ids, so that the right score of every sample is known.
"""

from __future__ import annotations

import asyncio
import itertools
from argparse import Namespace
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from code_reward_slime import connections
from code_reward_slime.health import HEALTH
from code_reward_slime.post_process import group_advantages
from code_reward_slime.rewards import model_reward
from code_reward_slime.samples import record_of
from code_reward_slime.wiring import POST_PROCESS

from code_reward.errors import CodeRewardError
from code_reward.rm_input import Encoded, RMInput
from tests.helpers.misbehaving import Fault, Misbehaving, other_score_of, score_of
from tests.helpers.tiny_rm import answer, build_client_folder, statement

GROUPS, GROUP_SIZE = 8, 8
CALM_SECONDS = 1.0
"""How long the job runs before the fault, and after it."""
PATIENCE_SECONDS = 30.0
"""How much longer the job waits for a score where none comes."""
POISONED = 100
"""The sample that the server cannot stand, in the row about one item."""

Servers = Sequence[Misbehaving]
Change = Callable[[Servers], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    """One fault: how it begins and ends; without an end it stays. `seconds` is how long it lasts."""

    name: str
    begin: Change
    end: Change | None = None
    seconds: float = 3.0
    replicas: int = 1
    urls: tuple[str, ...] = ()
    deadline: float = 120.0


@dataclass
class Found:
    """What a row did to the job."""

    name: str
    samples: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    lost: int = 0
    stopped: str | None = None
    """Kind of the error that stopped the job; None: it was alive at the end."""
    during: int = 0
    """Scores that came during the fault."""
    recovery: float | None = None
    """Seconds from the end of the fault to the next score."""


def _set(fault: Fault | None) -> Change:
    async def change(servers: Servers) -> None:
        for server in servers:
            server.fault = fault

    return change


async def _stop(servers: Servers) -> None:
    await asyncio.gather(*(server.stop() for server in servers))


async def _start(servers: Servers) -> None:
    await asyncio.gather(*(server.start() for server in servers))


async def _become_another(servers: Servers) -> None:
    for server in servers:
        server.score = other_score_of


async def _restart_as_another(servers: Servers) -> None:
    await _stop(servers)
    await _become_another(servers)
    await _start(servers)


async def _nothing(servers: Servers) -> None:
    return


ROWS = [
    Row("refused connection", _stop, _start),
    Row("reset mid-body", _set("reset"), _set(None)),
    Row("hang", _set("hang"), _set(None)),
    Row("slow drip", _set("drip"), _set(None)),
    Row("500", _set("500"), _set(None)),
    Row("503 storm", _set("503"), _set(None)),
    Row("429", _set("429"), _set(None)),
    Row("400 on one item", _nothing, _nothing),
    Row("malformed JSON", _set("malformed"), _set(None)),
    Row("short list", _set("short"), _set(None)),
    Row("NaN", _set("nan"), _set(None)),
    Row("wrong model behind the port", _become_another, deadline=5),
    Row("restart with other weights", _restart_as_another, deadline=5),
    Row("DNS failure", _nothing, urls=("http://no-such-host.invalid:80",), deadline=5),
    Row("one of three replicas dead", lambda servers: _stop(servers[:1]), lambda servers: _start(servers[:1]), replicas=3),
    Row("all three dead for 30 s, then back", _stop, _start, seconds=30.0, replicas=3),
]


async def measure(folder: Path) -> list[Found]:
    """Every row in turn; `folder` is for the client's files."""
    client_folder = build_client_folder(folder, score_of)
    return [await _run(row, client_folder) for row in ROWS]


async def _run(row: Row, folder: Path) -> Found:
    HEALTH.reset()
    servers = [Misbehaving() for _ in range(row.replicas)]
    await _start(servers)
    job = _Job(folder, row.urls or [server.url for server in servers], row.deadline)
    for server in servers:
        server.delay = 0.1
        if row.name == "400 on one item":
            server.poison = dict.fromkeys(job.poisonous, "400")
    working = asyncio.create_task(job.work())
    await asyncio.sleep(CALM_SECONDS)
    began = perf_counter()
    await row.begin(servers)
    await asyncio.wait({working}, timeout=row.seconds if row.end else 4 * row.deadline)
    ended = perf_counter()
    if row.end:
        await row.end(servers)
    job.until = ended + CALM_SECONDS
    await working
    await connections.close()
    await _stop(servers)
    return job.found(row.name, began, ended if row.end else None)


class _Job:
    """slime's loop in small."""

    def __init__(self, folder: Path, urls: Sequence[str], deadline: float) -> None:
        self.rm_input = RMInput.load(folder)
        client = {"deadline_seconds": deadline, "request_seconds": 2.0, "cache_items": 0}
        self.args = Namespace(
            custom_reward_post_process_path=POST_PROCESS,
            code_reward_rm_dir=str(folder),
            code_reward_rm_urls=list(urls),
            code_reward_client=client,
        )
        self.poisonous = set(self._ids(self._sample(POISONED, 0))) - set(self._ids(self._sample(POISONED + 1, 0)))
        self.samples: list[Any] = []
        self.times: list[float] = []
        """When each score came."""
        self.stopped: str | None = None
        self.until = float("inf")

    async def work(self) -> None:
        """Rollout after rollout until a score came after `until`, or none came for long, or the run must stop."""
        numbers = itertools.count()
        while max(self.times, default=0.0) < self.until and perf_counter() < self.until + PATIENCE_SECONDS:
            rollout = [self._sample(next(numbers), group) for group in range(GROUPS) for _ in range(GROUP_SIZE)]
            self.samples += rollout
            await asyncio.gather(*map(self._reward, rollout))
            try:
                group_advantages(self.args, rollout)
            except CodeRewardError as error:
                self.stopped = error.kind
                return

    async def _reward(self, sample: Any) -> None:
        sample.reward = await model_reward(self.args, sample)
        if record_of(sample)["verdict"] == "scored":
            self.times.append(perf_counter())

    def found(self, name: str, began: float, ended: float | None) -> Found:
        """Compare everything that was recorded with the truth."""
        records = [(sample, record_of(sample)) for sample in self.samples]
        found = Found(name, samples=len(records), stopped=self.stopped)
        found.missing.update(record["reason"] for _, record in records if record.get("verdict") == "missing")
        scored = [(sample, record) for sample, record in records if record.get("verdict") == "scored"]
        found.wrong = sum(record["score"] != score_of(self._ids(sample)) for sample, record in scored)
        found.lost = len(records) - len(scored) - sum(found.missing.values())
        found.during = sum(began <= time < (ended or float("inf")) for time in self.times)
        if ended is not None:
            found.recovery = min((time - ended for time in self.times if time >= ended), default=None)
        return found

    def _sample(self, number: int, group: int) -> Any:
        mark = "  # β" if number == POISONED else ""
        return SimpleNamespace(
            group_index=group,
            index=number,
            rollout_id=None,
            prompt="",
            response=answer(number).replace("return total", f"return total{mark}"),
            response_length=100,
            status=SimpleNamespace(value="completed"),
            metadata={"statement": statement(group), "entry_point": f"add_{number}"},
            reward=None,
            remove_sample=False,
        )

    def _ids(self, sample: Any) -> list[int]:
        encoded = self.rm_input.build(sample.metadata["statement"], sample.response, sample.metadata["entry_point"])
        assert isinstance(encoded, Encoded)
        return encoded.ids

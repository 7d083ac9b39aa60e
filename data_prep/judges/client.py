"""The judge as a reward: a problem and a program in, a verdict out. See `JudgeClient`.

What the reward client is for a reward model, with the same three promises: a verdict is right, or missing with a reason, within a deadline;
equal questions are asked once; an outage is waited for. A language model's votes are no number of ours to make up: one that cannot be read
is asked for again, drawn otherwise, and then missing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from threading import Lock
from time import perf_counter

from code_reward.deadlines import within
from code_reward.errors import ConfigurationError, RewardServerError, SandboxError
from code_reward.problem import Problem
from code_reward.verdict import Missing, Scored, Verdict
from data_prep.judges.evidence import Blind, Witness
from data_prep.judges.judgement import Judgement, Unparsable
from data_prep.judges.llm import LLMBench
from data_prep.judges.settings import JudgeSettings
from data_prep.judges.silence import silence
from data_prep.judges.spending import Spending
from data_prep.llm import LLM, LLMError, RunStopped
from data_prep.llm.ledger import Scope, Unkept
from reward_servers.client.cache import Cache
from reward_servers.sandbox.outcome import Sandbox

_INLINE_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and how it came about.

    `votes`: the correctness that each reply gave, in [0, 1], whose mean is the score; `unparsable`: replies that could not be read;
    `words`: the reasons that the middle vote gave; `cached`: no reply was paid for.
    """

    verdict: Verdict
    votes: tuple[float, ...] = ()
    unparsable: int = 0
    words: str = ""
    cached: bool = False
    seconds: float = 0.0


class JudgeClient:
    """Asks language models, from any number of event loops, how right programs are.

    Args:
        settings (`JudgeSettings`): Who is asked, how, and what it may cost.
        sandbox (`Sandbox`, *optional*): Where programs run; needed with `traces="own"`.
        spent (`Path`, *optional*): File that keeps what was spent over restarts.

    Raises:
        `ConfigurationError`: Traces without a sandbox, or a key that the environment does not have.

    Example:
        >>> async def main():
        ...     async with JudgeClient(JudgeSettings(urls=("http://127.0.0.1:8000/v1",), model="judge")) as judge:
        ...         problem = Problem(id="add", statement="Write `add(a, b)`.")
        ...         print((await judge.verdict(problem, "def add(a, b): return a + b")).verdict)
    """

    def __init__(self, settings: JudgeSettings, sandbox: Sandbox | None = None, spent: Path | None = None) -> None:
        if settings.traces == "own" and sandbox is None:
            raise ConfigurationError("A judge that is shown traces needs a sandbox; give one, or set traces to none.")
        self._settings, self._sandbox = settings, sandbox
        self.spending = Spending(settings.budget_calls, settings.budget_tokens, file=spent)
        self._known = Cache[Judged](settings.cache_items)
        self._parts: dict[asyncio.AbstractEventLoop, _Parts] = {}
        self._lock = Lock()

    async def verdict(self, problem: Problem, program: str) -> Judged:
        """The verdict on one program, within `deadline_seconds`.

        Raises:
            `RunStopped`: The budget is spent, or the endpoint refuses the key: no later question will be answered either.
            `RewardServerError`: Another model answers than at first (kind `wrong_model`).
            `DataError`: The problem's own inputs are no inputs.
        """
        start = perf_counter()
        judged = await self._verdict(problem, program)
        return replace(judged, seconds=perf_counter() - start)

    async def _verdict(self, problem: Problem, program: str) -> Judged:
        parts = await self._here()
        try:
            return await within(self._settings.deadline_seconds, self._judge(parts, problem, program))
        except (asyncio.TimeoutError, TimeoutError):
            return _missing(parts.llm.trouble("judge") or LLMError("", kind="timeout"))
        except Unparsable as error:
            return Judged(Missing("unparsable"), unparsable=error.replies)
        except SandboxError:
            return Judged(Missing("sandbox_error"))
        except RunStopped as error:
            raise _stop(error) from error
        except LLMError as error:
            return _missing(error)

    async def _judge(self, parts: _Parts, problem: Problem, program: str) -> Judged:
        shown = program if self._settings.comments else await parts.silence(program)
        if parts.closed:
            return Judged(Missing("closed"))
        key = sha256(f"{problem.statement}\0{problem.entry_point}\0{shown}".encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(key)
        if known is not None:
            return replace(known, cached=True)
        flight = parts.flights.get(key)
        if flight is not None:
            return replace(await flight.join(), cached=True)
        return await _Flight(asyncio.create_task(self._learn(key, parts.llm, problem, shown)), parts.flights, key).join()

    async def _learn(self, key: bytes, llm: LLM, problem: Problem, program: str) -> Judged:
        """Known before its flight has landed, so that whoever asks in between finds one of the two and nothing is paid for twice."""
        judged = await self._ask(llm, problem, program)
        self._known.put(key, judged)
        return judged

    async def _ask(self, llm: LLM, problem: Problem, program: str) -> Judged:
        settings = self._settings
        sampling, scope = settings.sampling(), Scope("", Unkept())
        witness = Blind() if self._sandbox is None else Witness(llm, self._sandbox, problem, "own", sampling)
        bench = LLMBench(llm, problem, witness, settings.style, settings.votes, sampling)
        return _judged(await bench.judge(program, "", scope))

    async def _here(self) -> _Parts:
        """What belongs to the running event loop: connections cannot be shared between loops."""
        loop = asyncio.get_running_loop()
        with self._lock:
            for closed in [other for other in self._parts if other.is_closed()]:
                del self._parts[closed]
            parts = self._parts.get(loop)
            if parts is None:
                # The deadline is this client's, and longer patience than that is never used up.
                llm = LLM(self._settings.endpoints(), self.spending, 2 * self._settings.deadline_seconds)
                parts = self._parts[loop] = _Parts(llm)
        if not parts.opened:
            parts.opened = True
            await parts.llm.__aenter__()
        return parts

    async def close(self) -> None:
        """Close the connections of this event loop, and the file of what was spent."""
        with self._lock:
            parts = self._parts.pop(asyncio.get_running_loop(), None)
        if parts is not None:
            parts.closed = True
            for flight in list(parts.flights.values()):
                flight.close()
            await parts.llm.__aexit__(None, None, None)
        self.spending.close()

    async def __aenter__(self) -> JudgeClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class _Flight:
    """A judgement that is being made, for all who wait for it; when nobody does any more, it is given up."""

    def __init__(self, task: asyncio.Task[Judged], flights: dict[bytes, _Flight], key: bytes) -> None:
        self._task, self._flights, self._key = task, flights, key
        self._waiting, self._closed = 0, False
        flights[key] = self
        task.add_done_callback(self._land)

    async def join(self) -> Judged:
        """The judgement; `Missing("closed")` where the client was closed meanwhile. Raises as what makes it."""
        self._waiting += 1
        try:
            await asyncio.wait({self._task})  # Raises for the caller's own cancellation alone.
            if self._task.cancelled() and self._closed:
                return Judged(Missing("closed"))
            return self._task.result()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._give_up()

    def close(self) -> None:
        """End it, for the connections are closed."""
        self._closed = True
        self._give_up()

    def _give_up(self) -> None:
        """Whoever asks the same now begins anew."""
        self._leave()
        self._task.cancel()

    def _land(self, task: asyncio.Task[Judged]) -> None:
        self._leave()
        if not task.cancelled():
            task.exception()  # Seen here, for those who waited may have gone.

    def _leave(self) -> None:
        if self._flights.get(self._key) is self:
            del self._flights[self._key]


@dataclass
class _Parts:
    """What asks in one event loop."""

    llm: LLM
    flights: dict[bytes, _Flight] = field(default_factory=dict)
    opened: bool = False
    closed: bool = False
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def silence(self, program: str) -> str:
        """`silence`, one at a time, and a long program in a thread, so that the loop goes on."""
        async with self._turn:
            if len(program) > _INLINE_CHARACTERS:
                return await asyncio.to_thread(silence, program)
            await asyncio.sleep(0)
            return silence(program)


def _judged(judgement: Judgement) -> Judged:
    votes = tuple(vote.correctness for vote in judgement.votes)
    return Judged(Scored(fmean(votes)), votes, judgement.junk, judgement.words)


def _missing(error: LLMError) -> Judged:
    if error.kind == "model_changed":
        raise RewardServerError(str(error), kind="wrong_model") from error
    return Judged(Missing(error.kind))


def _stop(error: RunStopped) -> RunStopped:
    if error.kind != "budget_spent":
        return error
    return RunStopped("The judge's budget is spent; set a larger budget_calls or budget_tokens and resume.", kind=error.kind)

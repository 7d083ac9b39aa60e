"""A simulated endpoint: answers our own prompts with mutants of reference solutions and made-up scores, after a latency, with a capacity.

For tests, benchmarks and rehearsals of a long run; it knows nothing about right and wrong.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from random import Random

from aiohttp import web

from code_reward.problem import Problem
from data_prep.mutants import mutants, normalise

_PREFIX = re.compile(r"character by character:\n(`{3,})python\n(.*?)\n\1", re.DOTALL)
_POOL = 8


class SimulatedEndpoint:
    """An HTTP server on a free port of this machine; an async context manager.

    Args:
        problems: Those that it will be asked about.
        latency: Seconds that an answer takes, once it is begun.
        capacity: Answers that are made at once; the others wait.
        junk: Share of answers that are of no use.
        seed: Of the answers.
    """

    def __init__(self, problems: Sequence[Problem], *, latency: float = 0.25, capacity: int = 64, junk: float = 0.0, seed: int = 0) -> None:
        self._pools = {problem.statement: _pool(problem.reference_solution) for problem in problems if problem.reference_solution}
        self._latency = latency
        self._capacity = asyncio.Semaphore(capacity)
        self._junk = junk
        self._draw = Random(seed)
        self.answered: Counter[str] = Counter()
        """Answers given, by prompt."""
        self.busy_seconds = 0.0
        """Seconds spent on answers, all slots together."""
        self.url = ""

    async def __aenter__(self) -> SimulatedEndpoint:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, incoming: web.Request) -> web.Response:
        body = await incoming.json()
        question = body["messages"][0]["content"]
        async with self._capacity:
            began = time.perf_counter()
            await asyncio.sleep(self._latency)
            self.busy_seconds += time.perf_counter() - began
        text = "No." if self._draw.random() < self._junk else self._reply(question)
        self.answered[question] += 1
        usage = {"prompt_tokens": len(question) // 4, "completion_tokens": len(text) // 4}
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return web.json_response({"model": body["model"], "choices": [choice], "usage": usage})

    def _reply(self, question: str) -> str:
        if question.startswith(("You judge", "You are an impartial")):
            score = self._draw.randint(0, 5)
            return f"It may be so.\nScore: {score}" if "Score:" in question else f"It may be so.\nCorrectness: {score}\nStyle: 3"
        pool = next((pool for statement, pool in self._pools.items() if statement in question), ("def f():\n    return 0",))
        found = _PREFIX.search(question)
        return f"So:\n```python\n{self._program(pool, found[2] if found else '')}\n```"

    def _program(self, pool: Sequence[str], prefix: str) -> str:
        program = self._draw.choice(pool)
        if not prefix:
            return program
        lines = prefix.split("\n")
        return "\n".join(lines + program.split("\n")[len(lines) :])


def _pool(reference: str) -> tuple[str, ...]:
    return (normalise(reference) or reference, *(mutant.program for mutant in mutants(reference, _POOL, seed=0)))

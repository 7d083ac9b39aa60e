"""`Witness`: what a language model is shown of a program's run.

Inputs come from the problem, else from the program's own examples, else a language model writes some; no result is said to be right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from code_reward.errors import DataError
from code_reward.extraction import extract_code
from code_reward.problem import Problem
from data_prep.judges.inputs import callee_of, judging_inputs
from data_prep.llm import Asker, Scope
from data_prep.llm.asking import ask
from data_prep.llm.prompt import prompt
from data_prep.llm.request import Sampling
from data_prep.tracing import Call, run_log, trace_calls
from reward_servers.sandbox.outcome import Sandbox

Traces = Literal["own", "prints", "none"]

_CALLS = 4
_ATTEMPTS = 3


@dataclass(frozen=True)
class Evidence:
    """What was seen; `failure` is how the run ended if not well; `junk` replies with examples could not be read."""

    text: str
    failure: str = ""
    junk: int = 0


class Blind:
    """Stands where a `Witness` would, and runs nothing."""

    async def look(self, program: str, suffix: str, scope: Scope) -> Evidence:
        """Says that nothing was run."""
        return Evidence("(the program was not run)")


class Witness:
    """Runs programs for one problem."""

    def __init__(self, asker: Asker, sandbox: Sandbox, problem: Problem, traces: Literal["own", "prints"], sampling: Sampling) -> None:
        self._asker = asker
        self._sandbox = sandbox
        self._problem = problem
        self._traces = traces
        self._sampling = sampling
        self._calls = _known_calls(problem) if traces == "own" else []

    async def look(self, program: str, suffix: str, scope: Scope) -> Evidence:
        """Run and tell; every run is remembered in `scope`."""
        if self._calls:
            return await self._remember("trace", program, scope, lambda: self._trace(program, self._calls))
        examples, junk = (suffix, 0) if suffix.strip() else await self._write_examples(program, scope)
        script = f"{program}\n\n{examples}\n"
        produce = (lambda: self._log(script)) if self._traces == "prints" else (lambda: self._trace(script, []))
        evidence = await self._remember(self._traces, script, scope, produce)
        return Evidence(evidence.text, evidence.failure, junk)

    async def _trace(self, program: str, calls: list[Call]) -> Evidence:
        trace = await trace_calls(self._sandbox, program, calls)
        ends = [record.end for record in (trace.load, *trace.calls) if record.end != "returned"]
        return Evidence(trace.tell(), ends[0] if ends else "")

    async def _log(self, script: str) -> Evidence:
        return Evidence(await run_log(self._sandbox, script))

    async def _remember(self, what: str, program: str, scope: Scope, produce: Callable[[], Awaitable[Evidence]]) -> Evidence:
        async def run() -> dict[str, Any]:
            evidence = await produce()
            return {"text": evidence.text, "failure": evidence.failure}

        digest = hashlib.sha256(f"{program}\0{self._calls}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return Evidence(**await scope.once(f"{what}-{digest}", run))

    async def _write_examples(self, program: str, scope: Scope) -> tuple[str, int]:
        values = {"statement": self._problem.statement, "program": program}
        request = prompt("examples").request("policy", self._sampling, **values)
        for attempt in range(_ATTEMPTS):
            extraction = extract_code((await ask(self._asker, scope, request)).text)
            if extraction.code:
                return extraction.code, attempt
        return "", _ATTEMPTS


def _known_calls(problem: Problem) -> list[Call]:
    try:
        return [Call(callee_of(problem), arguments) for arguments in judging_inputs(problem, _CALLS)]
    except DataError as error:
        if error.kind not in ("no_inputs", "no_entry_point"):
            raise
        return []

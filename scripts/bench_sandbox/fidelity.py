"""Where the sandbox and plain Python differ, over ordinary pairs of program and test in every mode, in one run. Any is an error."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from code_reward.errors import CodeRewardError
from reward_servers.sandbox.outcome import Limits, Mode, Outcome
from reward_servers.sandbox.pool import LocalSandbox
from scripts.bench_sandbox.pairs import Pair, read_pairs
from scripts.bench_sandbox.plain import passes
from scripts.bench_sandbox.published import read_published

MODES: Sequence[Mode] = ("auto", "sealed", "inline")
_WALL_SECONDS = 60
_TOLD_EVERY = 500
_REFUSES = "mode sealed"
"""What the sandbox says of a test that mode `sealed` will not decide, which is no difference."""


class Differences(CodeRewardError):
    """The sandbox does not say what plain Python says."""

    kind = "differences"


@dataclass(frozen=True)
class Judged:
    """A pair and what was said of it."""

    pair: Pair
    plain: bool
    said: str
    outcomes: dict[Mode, Outcome]

    def differs(self, mode: Mode) -> bool:
        """Whether the sandbox decided, and otherwise than plain Python; or should have decided."""
        outcome = self.outcomes[mode]
        return not (mode == "sealed" and is_refused(outcome)) and (outcome.passed != self.plain or outcome.kind == "sandbox_error")


def is_refused(outcome: Outcome) -> bool:
    """Whether mode `sealed` left it undecided."""
    return outcome.kind == "sandbox_error" and _REFUSES in outcome.message


async def measure(workers: int | None = None, mutants: int = 0) -> None:
    """Print every difference and a table; raises `Differences` if there is one. With `mutants`, over published programs too."""
    judged = await judge([*read_pairs(), *(read_published(mutants) if mutants else [])], workers, tell=True)
    differences = sum(one.differs(mode) for one in judged for mode in MODES)
    print(report(judged))
    if differences:
        raise Differences(f"{differences} verdicts are not plain Python's; they stand above.")


async def judge(pairs: Sequence[Pair], workers: int | None = None, *, tell: bool = False) -> list[Judged]:
    """All pairs by plain Python and in every mode, a few at a time; with `tell`, differences are printed as they are found."""
    sandbox = LocalSandbox(workers)
    room = asyncio.Semaphore(workers or len(os.sched_getaffinity(0)))
    done = itertools.count(1)

    async def one(pair: Pair) -> Judged:
        async with room:
            plain, said = await passes(pair.program, pair.test, pair.entry_point, pair.cpu_seconds)
            limits = Limits(cpu_seconds=pair.cpu_seconds, wall_seconds=_WALL_SECONDS)
            runs = [sandbox.run(pair.program, [pair.test], entry_point=pair.entry_point, limits=limits, mode=mode) for mode in MODES]
            judged = Judged(pair, plain, said, dict(zip(MODES, await asyncio.gather(*runs), strict=True)))
        if tell:
            _tell(judged, next(done), len(pairs))
        return judged

    try:
        return await asyncio.gather(*map(one, pairs))
    finally:
        await sandbox.close()


def report(judged: Sequence[Judged]) -> str:
    """The table: per kind of test and mode, how many pairs were decided as plain Python decides them."""
    kinds = sorted({one.pair.test.kind for one in judged})
    rows = [f"{'':10} pairs  pass  " + "  ".join(f"{mode:>16}" for mode in MODES)]
    for kind in [*kinds, "all"]:
        some = [one for one in judged if kind in (one.pair.test.kind, "all")]
        cells = []
        for mode in MODES:
            count = Counter("refused" if is_refused(one.outcomes[mode]) else one.differs(mode) for one in some)
            cells.append(f"{count[False]} of {len(some) - count['refused']} equal".rjust(16))
        rows.append(f"{kind:10} {len(some):5} {sum(one.plain for one in some):5}  {'  '.join(cells)}")
    return "\n".join(rows)


def _tell(one: Judged, done: int, total: int) -> None:
    for mode in MODES:
        if one.differs(mode):
            outcome, word = one.outcomes[mode], "passes" if one.plain else "fails"
            print(f"{mode:7} {one.pair.name}: {outcome.kind} ({outcome.message[:150]}), plain Python {word} {one.said!r}", flush=True)
    if done % _TOLD_EVERY == 0:
        print(f"{done} of {total} pairs", file=sys.stderr, flush=True)

"""The drift alarm: some of the answers that the reward model scored are also executed, and what it said is compared with the truth.

A policy that is trained against a reward model learns, sooner or later, what the model gets wrong. That shows as rewards that rise while
their order no longer agrees with that of tests. Programs run in tasks of their own, never on the way of a reward.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from typing import Any, Final

import numpy as np

from code_reward.metrics.ranking import auc
from code_reward.verdict import Scored, Verdict
from code_reward_slime.judges import by_tests
from code_reward_slime.samples import metadata_of, record_of
from code_reward_slime.settings import Settings
from code_reward_slime.trainer import is_training

MAX_PENDING: Final = 64
"""Executions under way; answers beyond are not drawn, so that a slow sandbox never builds up a queue."""
WINDOW: Final = 1000
"""Executed answers that the figures are about."""
MIN_ANSWERS: Final = 30
"""Fewer say nothing; no figure is given for them."""

logger = logging.getLogger(__name__)


class Drift:
    """Draws answers, has them executed, and remembers pairs of (score, passed)."""

    def __init__(self) -> None:
        self._pairs: deque[tuple[float, bool]] = deque(maxlen=WINDOW)
        self._tasks: set[asyncio.Task[None]] = set()
        self._random = random.Random(0)
        self._executed = 0

    def consider(self, settings: Settings, described: Any, answer: Any, verdict: Verdict) -> None:
        """Execute a rollout's answer in the background, if it is drawn, has a score of the reward model, and its problem has tests.

        The problem is told by the sample `described`, which may be another turn than the `answer`.
        """
        if (
            not settings.drift_share
            or not isinstance(verdict, Scored)
            or not is_training(answer)
            or not metadata_of(described).get("tests")
        ):
            return
        score = _score_of_model(record_of(answer))
        if score is None or len(self._tasks) >= MAX_PENDING or self._random.random() >= settings.drift_share:
            return
        task = asyncio.create_task(self._execute(settings, described, answer.response, score))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _execute(self, settings: Settings, described: Any, response: str, score: float) -> None:
        try:
            judgement = await by_tests(None, settings.model_copy(update={"tests_reward": "binary"}), described, response)
        except Exception as error:  # The alarm must never harm the run that it watches.
            logger.warning("An answer could not be executed for the drift alarm: %s", error)
            return
        if isinstance(judgement.verdict, Scored):
            self._pairs.append((score, judgement.verdict.value == 1.0))
            self._executed += 1

    def report(self, settings: Settings) -> dict[str, float]:
        """`executed` since the last report; `auc`, `correlation` and `passed` of the last answers once there are enough of both kinds."""
        pairs, executed = list(self._pairs), self._executed
        self._executed = 0
        if not settings.drift_share:
            return {}
        scores, passed = np.array([score for score, _ in pairs]), np.array([right for _, right in pairs], dtype=float)
        if len(pairs) < MIN_ANSWERS or passed.min() == passed.max():
            return {"executed": float(executed)}
        order = auc(passed, scores)
        if order < settings.drift_min_auc:
            logger.warning(
                "Drift: of two executed answers, one right and one wrong, the reward prefers the right one in %.0f %% (last %d answers). "
                "The policy may be exploiting the reward model; look at the programs and consider stopping.",
                100 * order,
                len(pairs),
            )
        correlation = float(np.corrcoef(scores, passed)[0, 1]) if scores.min() < scores.max() else 0.0
        return {"executed": float(executed), "auc": order, "correlation": correlation, "passed": float(passed.mean())}

    def reset(self) -> None:
        """Forget everything."""
        self._pairs.clear()
        self._executed = 0
        self._random = random.Random(0)


def _score_of_model(record: Any) -> float | None:
    part = record["parts"]["model"] if "parts" in record else record if "rm" in record else None
    return part["score"] if part else None


DRIFT = Drift()

"""The tests of a row as verl's reward, in place of the reward model: executed in the sandbox, or the run stops.

    reward.custom_reward_function.path=pkg://code_reward_verl.unit_tests
    +reward.custom_reward_function.reward_kwargs.sandbox_url=http://sandbox-host:8100

`extra_info` holds `tests` (a list, or its JSON text), and perhaps `entry_point` and `starter_code`, as `python -m data_prep.prompts` writes
them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import Any, Literal

from pydantic import ValidationError

from code_reward.deadlines import within
from code_reward.errors import ConfigurationError, DataError, RewardServerError, explain
from code_reward.extracting import extract
from code_reward.problem import Problem, runnable
from code_reward.verdict import Missing, Rejected, Verdict
from code_reward_verl.judging import describe
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits, Sandbox, TestsReward, to_verdict


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    sandbox_url: str | None = None,
    tests_reward: Literal["binary", "fraction"] = "binary",
    cpu_seconds: float = 3.0,
    deadline_seconds: float = 300.0,
    **others: Any,
) -> dict[str, Any]:
    """The reward of one answer: 1 if every test passes, else 0, or the share that passes; 0 without a program.

    Args:
        data_source (`str`): Not used.
        solution_str (`str`): The answer's text.
        ground_truth (`Any`): Not used: the tests are in `extra_info`.
        extra_info (`Mapping[str, Any]`): The row's.
        sandbox_url (`str`, *optional*): Sandbox server; without it programs run in the sandbox of this process.
        tests_reward (`str`, *optional*, defaults to `"binary"`): `binary` or `fraction`.
        cpu_seconds (`float`, *optional*, defaults to 3): Of a program, per test.
        deadline_seconds (`float`, *optional*, defaults to 300): A verdict is there, or the run stops, after this long.
        others (`Any`): What verl adds for reward models; anything else is an error.

    Returns:
        `dict[str, Any]`: As `code_reward_verl.rewards.compute_score`.

    Raises:
        `RewardServerError`: There is no verdict. `ConfigurationError`, `DataError`: settings or a row that cannot work.
    """
    unknown = set(others) - {"reward_router_address", "reward_model_tokenizer"}
    if unknown or tests_reward not in ("binary", "fraction"):
        wrong = ", ".join(sorted(unknown)) or f"tests_reward={tests_reward}"
        raise ConfigurationError(f"reward_kwargs: {wrong}: not known; give sandbox_url, tests_reward, cpu_seconds, deadline_seconds.")
    problem = _problem(extra_info or {})
    limits = Limits(cpu_seconds=cpu_seconds, stop_at_first_failure=tests_reward == "binary").allowing(problem.time_limit_seconds)
    try:
        work = _verdict(solution_str, problem, _sandbox(sandbox_url), limits, tests_reward)
        verdict = await within(deadline_seconds, work)
    except (asyncio.TimeoutError, TimeoutError):
        verdict = Missing("sandbox_timeout")
    except BrokenProcessPool:
        verdict = Missing("extraction_failed")
    if isinstance(verdict, Missing):
        raise RewardServerError(
            f"No verdict of the tests ({verdict.reason}); check the sandbox, then resume from verl's last checkpoint.", kind=verdict.reason
        )
    return describe(verdict, 0.0 if isinstance(verdict, Rejected) else verdict.value)


async def _verdict(answer: str, problem: Problem, sandbox: Sandbox, limits: Limits, reward: TestsReward) -> Verdict:
    extraction = await extract(answer, entry_point=problem.entry_point)
    if extraction.code is None:
        return Rejected(str(extraction.reason))
    program = runnable(problem, extraction.code)
    outcome = await sandbox.run(program, problem.tests, entry_point=problem.entry_point, limits=limits)
    return to_verdict(outcome, total=len(problem.tests), reward=reward)


def _problem(row: Mapping[str, Any]) -> Problem:
    tests = row.get("tests")
    try:
        tests = json.loads(tests) if isinstance(tests, str) else tests
        if tests is None or len(tests) == 0:
            columns = ", ".join(sorted(map(str, row))) or "nothing"
            raise DataError(f"extra_info holds {columns}, and no tests; write them there (python -m data_prep.prompts does).")
        return Problem(
            id="-",
            statement="-",
            entry_point=row.get("entry_point") or None,
            starter_code=row.get("starter_code") or "",
            time_limit_seconds=row.get("time_limit_seconds"),
            tests=list(tests),
        )
    except DataError:
        raise
    except (ValidationError, ValueError, TypeError) as error:
        raise DataError(
            f"extra_info's tests are not what code_reward.problem.describe writes ({explain(error)}); write the data again."
        ) from error


@cache
def _sandbox(url: str | None) -> Sandbox:
    """The process's sandbox, which lives as long as it."""
    return connect(url)

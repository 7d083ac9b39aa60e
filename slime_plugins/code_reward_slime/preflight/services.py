"""Whether the settings of the hooks are right, and what they name is there and is what it should be: reward model, judge, sandbox.

A reward model inside slime (`--sglang-config`) is not up yet; it is checked at its first use.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from code_reward.errors import CodeRewardError, ConfigurationError, SandboxError
from code_reward_slime.preflight.hook_settings import settings_in
from code_reward_slime.preflight.row import Row, failed, ok
from code_reward_slime.settings import PREFIX, Settings

_EXECUTING: Final = {"unit_test_reward", "hybrid_reward"}
_PROGRAM: Final = "def f():\n    return 1\n"


async def check_services(
    config: Path, rewards: Sequence[str] | None = None, *, rm_later: bool = False, on_paper: bool = False
) -> AsyncIterator[Row]:
    """A row for the settings, and one for each thing that they name or the run uses.

    Args:
        config: The file of settings.
        rewards: The reward functions of the run; None where they are not known.
        rm_later: The reward model's servers are not asked yet.
        on_paper: Nobody is asked; only what files say is looked at.
    """
    try:
        settings = settings_in(config)
    except CodeRewardError as error:
        yield failed("settings", str(error))
        return
    yield ok("settings", f"{config} has known settings only")
    for name, wanted, check in (
        ("reward model", settings.rm_dir, _check_folder if on_paper or rm_later or not settings.rm_urls else _check_reward_model),
        ("judge", not on_paper and (settings.judge or _is_used("judge_reward", rewards)), _check_judge),
        ("sandbox", not on_paper and _needs_sandbox(settings, rewards), _check_sandbox),
        ("curriculum", settings.curriculum, _check_curriculum),
    ):
        if wanted:
            yield await _guarded(name, check, settings)


def _needs_sandbox(settings: Settings, rewards: Sequence[str] | None) -> bool:
    named = settings.sandbox_url is not None or settings.drift_share > 0 or (settings.judge is not None and settings.judge.traces == "own")
    return named or rewards is None or any(reward.rpartition(".")[2] in _EXECUTING for reward in rewards)


def _is_used(name: str, rewards: Sequence[str] | None) -> bool:
    return any(reward.rpartition(".")[2] == name for reward in rewards or ())


async def _guarded(name: str, check: Callable[[Settings], Awaitable[str]], settings: Settings) -> Row:
    try:
        return ok(name, await check(settings))
    except CodeRewardError as error:
        return failed(name, str(error))


async def _check_folder(settings: Settings) -> str:
    from code_reward.reference import Reference
    from code_reward.rm_input import RMInput

    assert settings.rm_dir is not None
    RMInput.load(settings.rm_dir)
    items = len(Reference.load(settings.rm_dir).items)
    return (
        f"{settings.rm_dir} is complete ({items} reference scores); what is served is checked when it is up, at the latest at the first use"
    )


async def _check_reward_model(settings: Settings) -> str:
    from code_reward_slime.connections import reward_client

    client = await reward_client(Namespace(), settings)
    try:
        await client.check()
    finally:
        await client.close()
    return f"{', '.join(settings.rm_urls)} gave the reference scores of {settings.rm_dir}"


async def _check_judge(settings: Settings) -> str:
    from data_prep.llm.probe import require_answers

    if settings.judge is None:
        raise ConfigurationError(f"The run uses judge_reward and no judge is set up; set {PREFIX}judge with urls and model.")
    await require_answers(settings.judge.endpoints())
    return f"{settings.judge.model} answers at {', '.join(settings.judge.urls)}"


async def _check_sandbox(settings: Settings) -> str:
    from code_reward.problem import AssertTest, PytestTest
    from code_reward_slime.connections import close, sandbox

    box = await sandbox(settings)
    outcomes = [await box.run(_PROGRAM, [AssertTest(code=f"assert f() == {value}")], entry_point="f") for value in (1, 2)]
    file = await box.run(_PROGRAM, [PytestTest(code="from solution import f\n\ndef test_f():\n    assert f() == 1\n")])
    await close()
    if [outcome.kind for outcome in outcomes] != ["passed", "failed"]:
        # Both are asked for nothing where nobody answers.
        said = "; ".join(dict.fromkeys(f"{outcome.kind} {outcome.message}".strip() for outcome in outcomes))
        if settings.sandbox_url is None:
            raise SandboxError(f"A sandbox on this machine does not tell right from wrong ({said}); set {PREFIX}sandbox_url to a server.")
        raise SandboxError(f"The sandbox at {settings.sandbox_url} does not tell right from wrong ({said}); start or correct it.")
    place = settings.sandbox_url or "one on this machine, as slime's rollout process makes,"
    # Not a failure: nothing says here that the problems have such tests.
    return f"{place} tells right from wrong" + ("" if file.passed else f", but runs no pytest files ({file.message or file.kind})")


async def _check_curriculum(settings: Settings) -> str:
    from code_reward.rows import read_rows
    from code_reward_slime.curriculum import Difficulty

    assert settings.curriculum is not None
    return f"{len(read_rows(settings.curriculum, Difficulty))} difficulties"

"""Check a run's custom config before slime starts: `python -m code_reward_slime.preflight --config F`.

Reads the settings as the hooks will, and asks what they name: the reward model's folder and servers, the sandbox, the curriculum. A reward
model inside slime (`--sglang-config`) is not up yet; it is checked at its first use.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from code_reward.cli import Command, run

if TYPE_CHECKING:
    from code_reward_slime.settings import Settings


class Preflight(Command):
    """Check the settings of a run of slime, and that what they name is there and is what it should be."""

    config: Path
    """The YAML file of slime's --custom-config-path."""


def read_config(path: Path) -> Namespace:
    """A custom config as slime puts it on its arguments; raises `ConfigurationError` if it is no mapping."""
    import yaml

    from code_reward.errors import ConfigurationError

    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as YAML ({error}); correct it.") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigurationError(f"{path} is not a mapping of settings; write one `code_reward_…: value` per line.")
    return Namespace(**content)


async def check(settings: Settings) -> AsyncIterator[str]:
    """Check one thing after the other, and say of each what was found; raises the first error."""
    if settings.rm_dir is not None:
        yield await _check_reward_model(settings)
    if settings.sandbox_url is not None:
        yield await _check_sandbox(settings)
    if settings.curriculum is not None:
        from code_reward.rows import read_rows
        from code_reward_slime.curriculum import Difficulty

        yield f"curriculum: {len(read_rows(settings.curriculum, Difficulty))} difficulties"


async def _check_reward_model(settings: Settings) -> str:
    from code_reward.reference import Reference
    from code_reward.rm_input import RMInput
    from code_reward_slime.connections import reward_client

    assert settings.rm_dir is not None
    if not settings.rm_urls:
        RMInput.load(settings.rm_dir)
        items = len(Reference.load(settings.rm_dir).items)
        return f"reward model: {settings.rm_dir} is complete ({items} reference scores); what slime serves is checked at the first use"
    client = await reward_client(Namespace(), settings)
    try:
        await client.check()
    finally:
        await client.close()
    return f"reward model: {', '.join(settings.rm_urls)} gave the reference scores of {settings.rm_dir}"


async def _check_sandbox(settings: Settings) -> str:
    from code_reward.errors import SandboxError
    from code_reward.problem import AssertTest
    from code_reward_slime.connections import close, sandbox

    box = await sandbox(settings)
    outcomes = [await box.run("def f():\n    return 1", [AssertTest(code=f"assert f() == {value}")], entry_point="f") for value in (1, 2)]
    await close()
    if [outcome.kind for outcome in outcomes] != ["passed", "failed"]:
        said = "; ".join(f"{outcome.kind} {outcome.message}".strip() for outcome in outcomes)
        raise SandboxError(f"The sandbox at {settings.sandbox_url} does not tell right from wrong ({said}); start or correct it.")
    return f"sandbox: {settings.sandbox_url} tells right from wrong"


def main(settings: Preflight) -> None:
    """Check and report."""
    from code_reward_slime.settings import read_settings

    async def report() -> None:
        async for line in check(found):
            print(f"ok  {line}", flush=True)

    found = read_settings(read_config(settings.config))
    print("ok  settings", flush=True)
    asyncio.run(report())


if __name__ == "__main__":
    run(Preflight, main)

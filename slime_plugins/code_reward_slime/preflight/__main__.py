"""Check a run of slime before it starts: `python -m code_reward_slime.preflight [OPTIONS] -- OPTIONS OF train.py`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError

if TYPE_CHECKING:
    from code_reward_slime.preflight.row import Row
    from code_reward_slime.preflight.train_arguments import TrainArguments


class Preflight(Command):
    """Check a run of slime before it starts; the options of train.py follow after `--`. Without them: what is installed, and --config."""

    config: Path | None = None
    """The YAML file of slime's --custom-config-path, where no options of train.py say it."""
    gpus: int | None = Field(default=None, ge=0)
    """GPUs of the cluster, all nodes together."""
    ray: str = "local"
    """In whose workers hooks are imported: a cluster's address; `local` starts a small one for that; `no` leaves it out."""
    runtime_env: str = "{}"
    """The job's runtime environment as JSON, which decides what a worker can import."""
    on_paper: bool = False
    """Look at settings and files alone, as a dry run does: not at what is installed, served or listening."""
    rm_later: bool = False
    """The reward model's servers are started after this check."""
    port: list[int] = Field(default=[])
    """A port that must be free; may be given several times."""


async def rows(settings: Preflight, words: list[str]) -> AsyncIterator[Row]:
    """Every row, cheap checks first."""
    from code_reward_slime.preflight.checkpoint import check_checkpoint
    from code_reward_slime.preflight.data import check_data
    from code_reward_slime.preflight.disk import check_disk
    from code_reward_slime.preflight.evaluation import check_evaluation, reward_names
    from code_reward_slime.preflight.gpus import check_gpus
    from code_reward_slime.preflight.hooks import check_hooks, runtime_environment
    from code_reward_slime.preflight.missing_verdicts import check_wiring
    from code_reward_slime.preflight.options import check_options
    from code_reward_slime.preflight.ports import check_ports
    from code_reward_slime.preflight.row import guarded
    from code_reward_slime.preflight.services import check_services
    from code_reward_slime.preflight.train_arguments import TrainArguments
    from code_reward_slime.preflight.versions import check_versions

    arguments = TrainArguments(words)
    checks: dict[str, Callable[[], Iterable[Row]]] = {}
    if not settings.on_paper:
        checks |= {
            "versions": lambda: check_versions(of_a_run=bool(words) or settings.config is not None),
            "ports": lambda: check_ports(settings.port),
        }
    if words:
        checks |= {
            "checkpoint": lambda: check_checkpoint(arguments),
            "GPUs": lambda: check_gpus(arguments, settings.gpus),
            "prompt data": lambda: check_data(arguments),
            "evaluation": lambda: check_evaluation(arguments),
            "missing verdicts": lambda: check_wiring(arguments),
            "disk": lambda: check_disk(arguments),
        }
    for name, check in checks.items():
        for row in guarded(name, check):
            yield row
    config = arguments.one("--custom-config-path") if words else settings.config
    if config is not None:
        used = _rewards(arguments) if words else None
        async for row in check_services(Path(config), used, rm_later=settings.rm_later, on_paper=settings.on_paper):
            yield row
    if words and not settings.on_paper:
        for row in guarded("options", lambda: check_options(arguments)):
            yield row
        environment = runtime_environment(settings.runtime_env)
        for row in guarded("hooks", lambda: check_hooks(arguments, reward_names(arguments), settings.ray, environment)):
            yield row


def _rewards(arguments: TrainArguments) -> list[str] | None:
    """The reward functions of a run; None if its eval config, of which a check of its own tells, cannot be read."""
    from code_reward_slime.preflight.evaluation import reward_names

    try:
        return [*arguments.all("--custom-rm-path"), *reward_names(arguments)]
    except ConfigurationError:
        return None


def main(settings: Preflight, words: list[str] | None = None) -> int:
    """Print the table; 1 if a row failed."""
    import asyncio

    from code_reward_slime.preflight.row import table

    if settings.on_paper and not words and settings.config is None:
        raise ConfigurationError("--on-paper has nothing to look at; give --config, or the options of train.py after --.")
    failures = 0

    async def report() -> None:
        nonlocal failures
        async for row in rows(settings, words or []):
            failures += row.state == "failed"
            print(*table([row]), flush=True)

    asyncio.run(report())
    if failures:
        print(f"\n{failures} of these must be mended before the run can start.", file=sys.stderr)
    return int(failures > 0)


def start(words: list[str], program: str | None = None) -> None:
    """Run the command on the words after its name; those after `--` are train.py's. `program` as for `code_reward.cli.run`."""
    own, train = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    run(Preflight, lambda settings: main(settings, train), own, program)


if __name__ == "__main__":
    start(sys.argv[1:])

"""Grow trees: `python -m data_prep.search --problems F --out DIR`, with an offline policy, or with `--endpoints F` a language model."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError

if TYPE_CHECKING:
    from code_reward.problem import Problem
    from data_prep.llm import LLM
    from data_prep.search import Policy, Recipe, TreeRecord


class Search(Command):
    """Grow search trees for a file of problems; killed or stopped, the same command goes on where it was."""

    problems: Path
    """The problems."""
    out: Path
    """The run's folder."""
    source: str = "problems"
    """How the problems' file is read (a problem source)."""
    recipe: str = "default"
    """default, or coderm-nt for the published search."""
    change: tuple[str, ...] = ()
    """Changes of the recipe, e.g. uct=false."""
    policy: Literal["offline", "llm"] = "offline"
    """Who writes programs: mutants of the reference, or a language model."""
    judge: Literal["reference", "llm", "llm-published"] = "reference"
    """Who judges: the reference solution's results, or a language model (in the published way: one mixed score)."""
    traces: Literal["own", "prints", "none"] = "own"
    """What a language model that judges is shown."""
    votes: int = Field(default=1, gt=0)
    """Replies of the judge per program."""
    temperature: float | None = None
    """Of the policy and of the judge; the server's own default if not given."""
    endpoints: Path | None = None
    """YAML list of endpoints: url, model, and optionally role, concurrency, timeout_seconds, api_key_variable."""
    max_calls: int | None = None
    """Stop after so many paid calls."""
    max_tokens: int | None = None
    """Stop after so many tokens."""
    patience: float = Field(default=600.0, gt=0)
    """Seconds that a call waits for an endpoint that is well."""
    trees_at_once: int | None = Field(default=None, gt=0)
    """Trees under way at once; by default as many as keep the endpoints busy."""
    shard: str = "0/1"
    """This process's part of the problems, as NUMBER/COUNT; a part has a folder of its own in the run's."""
    sandbox: str | None = None
    """Address of a sandbox server; without it, programs run in this machine's own sandbox."""
    replay: bool = False
    """Answer every call from the folder's record; ask nothing."""
    seed: int = 0
    """Seed of all draws."""


def main(settings: Search) -> None:
    """Grow the trees and say what came of them."""
    from data_prep.sources import load

    number, count = _shard(settings.shard)
    problems = load(settings.source, settings.problems)[number::count]
    folder = settings.out if count == 1 else settings.out / f"shard-{number:05d}-of-{count:05d}"
    asyncio.run(_search(settings, problems, folder))


async def _search(settings: Search, problems: list[Problem], folder: Path) -> None:
    from rich.progress import Progress

    from data_prep.llm import LLM, Budget
    from data_prep.search.players import make_judge, read_endpoints, trees_at_once
    from data_prep.search.run import Run, Setup, all_prompts
    from reward_servers.sandbox import connect

    recipe = make_recipe(settings.recipe, settings.change)
    judge = f"{settings.judge}, traces {settings.traces}, votes {settings.votes}, temperature {settings.temperature}"
    setup = Setup(recipe=recipe, policy=settings.policy, judge=judge, seed=settings.seed, prompts=all_prompts())
    budget = Budget(settings.max_calls, settings.max_tokens)
    counts: Counter[str] = Counter()
    sandbox = connect(settings.sandbox)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.close)
        grown = stack.enter_context(Run(folder, setup, budget, settings.replay))
        needs_llm = settings.policy == "llm" or settings.judge != "reference"
        endpoints = read_endpoints(settings.endpoints) if needs_llm else []
        llm = await stack.enter_async_context(LLM(endpoints, budget, settings.patience)) if needs_llm else None
        bar = stack.enter_context(Progress())
        task = bar.add_task("growing trees", total=len(problems), completed=grown.finished)

        def done(tree: TreeRecord) -> None:
            counts.update(_outcomes(tree))
            bar.advance(task)

        judging = make_judge(settings.judge, llm, sandbox, traces=settings.traces, votes=settings.votes, temperature=settings.temperature)
        at_once = settings.trees_at_once or trees_at_once(endpoints)
        await grown.grow_all(problems, _policy(settings, recipe, llm), judging, at_once=at_once, done=done)
    print(f"{grown.finished} trees: {folder}; {budget.calls} calls paid, {budget.prompt_tokens + budget.completion_tokens} tokens")
    for outcome, times in counts.most_common():
        print(f"  {outcome:<40} {times}")


def make_recipe(name: str, changes: Sequence[str]) -> Recipe:
    """The recipe of that name with `field=value` changes; raises `ConfigurationError`."""
    import yaml
    from pydantic import ValidationError

    from data_prep.search import RECIPES, Recipe

    if name not in RECIPES:
        raise ConfigurationError(f"Unknown recipe {name!r}; use one of {', '.join(RECIPES)}.")
    try:
        given = {field: yaml.safe_load(value) for field, _, value in (change.partition("=") for change in changes)}
        return Recipe.model_validate({**RECIPES[name].model_dump(), **given})
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"A change of the recipe cannot work: {' '.join(str(error).split())}.") from error


def _policy(settings: Search, recipe: Recipe, llm: LLM | None) -> Policy:
    from data_prep.llm.request import Sampling
    from data_prep.search import LLMPolicy, OfflinePolicy

    if settings.policy == "offline":
        return OfflinePolicy(recipe)
    assert llm is not None
    return LLMPolicy(llm, recipe, Sampling(temperature=settings.temperature))


def _outcomes(tree: TreeRecord) -> list[str]:
    if tree.failure is not None:
        return [f"tree without rollouts: {tree.failure.kind}"]
    return [f"rollout failed: {one.failure.kind}" if one.failure else "rollout judged" for one in tree.rollouts]


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and int(number) < int(count)):
        raise ConfigurationError(f"--shard {text!r} is not NUMBER/COUNT with a number below the count, e.g. 0/8.")
    return int(number), int(count)


if __name__ == "__main__":
    run(Search, main)

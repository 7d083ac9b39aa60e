"""One process's part of a search: opens what the settings name, grows the trees that are left, and tells how it goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from code_reward.errors import ConfigurationError, DataError, explain
from data_prep.llm import LLM, Budget, Endpoint
from data_prep.llm.probe import require_answers
from data_prep.llm.request import Sampling
from data_prep.search.offline import OfflinePolicy
from data_prep.search.parts import part_folder
from data_prep.search.players import make_judge, read_endpoints, trees_at_once
from data_prep.search.policy import LLMPolicy, Policy
from data_prep.search.recipe import RECIPES, Recipe
from data_prep.search.records import TreeRecord
from data_prep.search.run import Run, Setup, all_prompts
from data_prep.search.settings import Search
from data_prep.sources import load
from reward_servers.sandbox import connect

Told = Callable[[int, list[str]], None]
"""Called with trees that are finished and the outcomes of their rollouts; first with those of earlier runs, without outcomes."""
Paid = Callable[[int], None]
"""Called with how many calls have been paid for, over all runs."""


@dataclass(frozen=True)
class Spent:
    """What a part has finished and paid, over all its runs."""

    trees: int = 0
    calls: int = 0
    tokens: int = 0


def grow_part(settings: Search, told: Told, paid: Paid | None = None) -> Spent:
    """Grow the trees of the part that `settings.shard` names.

    Raises:
        ConfigurationError: The settings cannot work.
        RunStopped: No later call will be answered either; what was finished is kept.
        SandboxError: The sandbox failed on some trees; what was finished is kept.
    """
    return asyncio.run(_grow_part(settings, told, paid))


async def _grow_part(settings: Search, told: Told, paid: Paid | None) -> Spent:
    number, count = settings.part()
    every = load(settings.source, settings.problems)
    if not every:
        raise DataError(f"{settings.problems} holds no problems; give a file that does.")
    problems = every[number::count]
    folder = part_folder(settings.out, number, count)
    recipe, endpoints = make_recipe(settings.recipe, settings.change), _endpoints(settings, count)
    budget = Budget(settings.max_calls, settings.max_tokens)
    sandbox = connect(settings.sandbox)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.close)
        grown = stack.enter_context(Run(folder, _setup(settings, recipe, endpoints), budget, settings.replay))
        told(grown.finished, [])
        if endpoints and not settings.replay:
            await require_answers(endpoints)
        budget.told = None if paid is None else lambda: paid(budget.calls)
        llm = await stack.enter_async_context(LLM(endpoints, budget, settings.patience)) if endpoints else None
        judge = make_judge(settings.judge, llm, sandbox, traces=settings.traces, votes=settings.votes, sampling=_sampling(settings))
        at_once = settings.trees_at_once or trees_at_once(endpoints)
        policy = _policy(settings, recipe, llm)
        await grown.grow_all(problems, policy, judge, at_once=at_once, done=lambda tree: told(1, _outcomes(tree)))
    return Spent(grown.finished, budget.calls, budget.prompt_tokens + budget.completion_tokens)


def _endpoints(settings: Search, count: int) -> list[Endpoint]:
    """None where no language model takes part; a part of a cluster's run gets its share of each one's concurrency."""
    if settings.policy == "offline" and settings.judge == "reference":
        return []
    parts = count if settings.ray is not None else 1
    given = read_endpoints(settings.endpoints)
    return [one.model_copy(update={"concurrency": max(one.concurrency // parts, 1)}) for one in given]


def _setup(settings: Search, recipe: Recipe, endpoints: Sequence[Endpoint]) -> Setup:
    return Setup(
        recipe=recipe,
        policy=settings.policy,
        judge=f"{settings.judge}, traces {settings.traces}, votes {settings.votes}",
        models=sorted({f"{one.role}: {one.model}" for one in endpoints}),
        sampling=_sampling(settings) if endpoints else None,
        seed=settings.seed,
        prompts=all_prompts(),
    )


def _sampling(settings: Search) -> Sampling:
    return Sampling(temperature=settings.temperature, max_tokens=settings.reply_tokens)


def make_recipe(name: str, changes: Sequence[str]) -> Recipe:
    """The recipe of that name with `field=value` changes; raises `ConfigurationError`."""
    if name not in RECIPES:
        raise ConfigurationError(f"Unknown recipe {name!r}; use one of {', '.join(RECIPES)}.")
    given = dict(_change(change) for change in changes)
    try:
        return Recipe.model_validate({**RECIPES[name].model_dump(), **given})
    except ValidationError as error:
        raise ConfigurationError(f"--change {explain(error)}; docs/reward_data.md says what each field may be.") from error


def _change(text: str) -> tuple[str, Any]:
    """A field of the recipe and its new value."""
    field, equals, value = text.partition("=")
    if not equals or field not in Recipe.model_fields:
        raise ConfigurationError(f"--change {text!r} is not FIELD=VALUE with a field of the recipe: {', '.join(Recipe.model_fields)}.")
    try:
        return field, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"--change {text!r}: {value!r} is no value; write true, false, a number or a word.") from error


def _policy(settings: Search, recipe: Recipe, llm: LLM | None) -> Policy:
    if settings.policy == "offline":
        return OfflinePolicy(recipe)
    assert llm is not None
    return LLMPolicy(llm, recipe, _sampling(settings))


def _outcomes(tree: TreeRecord) -> list[str]:
    if tree.failure is not None:
        return [f"tree without rollouts: {tree.failure.kind}"]
    return [f"rollout failed: {one.failure.kind}" if one.failure else "rollout judged" for one in tree.rollouts]

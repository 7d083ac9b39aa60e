"""One rollout: have a program written, have it judged, and say in a record what came of it, whatever it was."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from code_reward.errors import CodeRewardError, ConfigurationError, SandboxError
from code_reward.problem import Problem
from data_prep.judges import Bench
from data_prep.llm import RunStopped, Scope
from data_prep.search.policy import Attempt, Policy, PolicyError
from data_prep.search.recipe import Recipe
from data_prep.search.records import Failure, RolloutRecord, SegmentRecord
from data_prep.search.segments import Segment
from data_prep.search.tree import Plan, Tree


@dataclass(frozen=True)
class Players:
    """Who takes part in growing one tree."""

    problem: Problem
    policy: Policy
    bench: Bench
    recipe: Recipe
    seed: str


async def roll_out(plan: Plan, tree: Tree, players: Players, scope: Scope) -> RolloutRecord:
    """Do what `plan` says. A failure of any side becomes the record's `failure`; only what says nothing of either side is raised.

    Raises:
        RunStopped: No later call will be answered either.
        SandboxError: The sandbox failed, which says nothing of the program.
        ConfigurationError: The settings cannot work.
    """
    record = RolloutRecord(problem_id=players.problem.id, number=plan.number, node=plan.node, action=plan.action, attempt=plan.attempt)
    try:
        record = await _write(record, plan, tree, players, scope)
        program = "\n".join(segment.text for segment in record.segments)
        judgement = await players.bench.judge(program, record.suffix, scope)
        return record.model_copy(update={"judgement": judgement})
    except (RunStopped, SandboxError, ConfigurationError):
        raise
    except PolicyError as error:
        return record.model_copy(update={"failure": Failure(kind=error.kind, message=str(error)), "junk": error.junk})
    except CodeRewardError as error:
        return record.model_copy(update={"failure": Failure(kind=error.kind, message=str(error))})


async def _write(record: RolloutRecord, plan: Plan, tree: Tree, players: Players, scope: Scope) -> RolloutRecord:
    if plan.action == "rejudge":
        return _again(record, tree.leaves[plan.node])
    draw = Random(f"{players.seed}/{plan.number}/write")
    prefix = tree.prefix(plan.node)
    attempt = _attempt(tree.leaves[plan.attempt]) if plan.attempt is not None else None
    try:
        draft = await players.policy.write(players.problem, prefix, attempt, scope, draw, first=not tree.leaves)
    except PolicyError as error:
        # The published search judges some known program again instead.
        known = tree.any_leaf(plan.number) if players.recipe.rejudge else None
        if known is None:
            raise
        return _again(record, tree.leaves[known]).model_copy(update={"action": "rejudge", "junk": error.junk})
    return record.model_copy(
        update={
            "segments": [_record(segment) for segment in draft.parts.segments],
            "suffix": draft.parts.suffix,
            "response": draft.response,
            "template": draft.template,
            "junk": draft.junk,
        }
    )


def _again(record: RolloutRecord, leaf: RolloutRecord) -> RolloutRecord:
    same = {name: getattr(leaf, name) for name in ("segments", "suffix", "response", "template")}
    return record.model_copy(update=same)


def _record(segment: Segment) -> SegmentRecord:
    return SegmentRecord(text=segment.text, key=segment.key)


def _attempt(leaf: RolloutRecord) -> Attempt:
    said = leaf.judgement
    program = "\n".join(segment.text for segment in leaf.segments)
    return Attempt(program, said.evidence if said else "", said.words if said else "")

"""`grow`: one problem's tree, rollout by rollout, from its first or from where an earlier run was killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from code_reward.errors import CodeRewardError, ConfigurationError, DataError, SandboxError
from code_reward.problem import Problem
from data_prep.judges import Judge
from data_prep.llm import Ledger, RunStopped
from data_prep.search.policy import Policy
from data_prep.search.recipe import Recipe
from data_prep.search.records import Failure, RolloutRecord, TreeRecord
from data_prep.search.rollout import Players, roll_out
from data_prep.search.tree import Plan, Tree
from data_prep.together import all_of

LONGEST_STATEMENT = 40_000
"""Characters; no model's context has room for a longer one and a program."""

Keep = Callable[[RolloutRecord], None]


async def grow(
    problem: Problem,
    policy: Policy,
    judge: Judge,
    recipe: Recipe,
    ledger: Ledger,
    *,
    seed: int = 0,
    known: Mapping[int, RolloutRecord] | None = None,
    keep: Keep = lambda record: None,
) -> TreeRecord:
    """Grow one tree.

    Args:
        problem: What is asked.
        policy: Who writes programs.
        judge: Who judges them.
        recipe: How the tree grows.
        ledger: Remembers calls; those of rollouts in `known` are not asked for.
        seed: Same seed, same replies: same tree.
        known: Rollouts that an earlier run finished, by number.
        keep: Called with each rollout the moment it is finished.

    Returns:
        The tree; with a `failure` and no rollouts if the problem cannot be judged at all.

    Raises:
        RunStopped: No later call will be answered either; what was finished has been kept.
        SandboxError: The sandbox failed; what was finished has been kept.
    """
    record = TreeRecord(
        problem_id=problem.id,
        statement=problem.statement,
        entry_point=problem.entry_point,
        group=str((problem.model_extra or {}).get("family", problem.source)),
    )
    scope = f"{problem.id}#open"
    try:
        if len(problem.statement) > LONGEST_STATEMENT:
            length = len(problem.statement)
            raise DataError(f"The statement has {length} characters; at most {LONGEST_STATEMENT} work.", kind="statement_too_long")
        bench = await judge.open(problem, ledger.scope(scope))
    except (RunStopped, SandboxError, ConfigurationError):
        raise
    except CodeRewardError as error:
        return record.model_copy(update={"failure": Failure(kind=error.kind, message=str(error))})
    finally:
        ledger.forget(scope)
    players = Players(problem, policy, bench, recipe, f"{seed}/{problem.id}")
    tree, rollouts = await _Growth(players, ledger, dict(known or {}), keep).run()
    first = {leaf: one.number for leaf, one in tree.leaves.items()}
    return record.model_copy(update={"nodes": tree.to_records(), "leaves": first, "rollouts": rollouts})


class _Growth:
    def __init__(self, players: Players, ledger: Ledger, known: dict[int, RolloutRecord], keep: Keep) -> None:
        self._players = players
        self._ledger = ledger
        self._known = known
        self._keep = keep
        self._tree = Tree(players.recipe, players.seed)

    async def run(self) -> tuple[Tree, list[RolloutRecord]]:
        recipe, rollouts = self._players.recipe, list[RolloutRecord]()
        while len(rollouts) < recipe.rollouts and not (recipe.settled_after and self._tree.stale >= recipe.settled_after):
            size = min(recipe.wave, recipe.rollouts - len(rollouts)) if self._tree.leaves else 1
            plans = [self._tree.plan(len(rollouts) + 1 + place) for place in range(size)]
            chosen = [plan for plan in plans if plan is not None]
            if not chosen:
                break
            rollouts += await self._wave(chosen)
        return self._tree, rollouts

    async def _wave(self, plans: list[Plan]) -> list[RolloutRecord]:
        """All at once; taken in in their order, whichever was finished first."""
        records = await all_of(self._one(plan) for plan in plans)
        for plan, record in zip(plans, records, strict=True):
            self._tree.back_up(plan, record)
        return records

    async def _one(self, plan: Plan) -> RolloutRecord:
        name = f"{self._players.problem.id}#{plan.number}"
        record = self._known.get(plan.number)
        if record is None:
            # A tree that has far to go must not wait for those that are nearly there, or the run ends with it alone.
            scope = self._ledger.scope(name, urgency=self._players.recipe.rollouts - plan.number)
            try:
                record = await roll_out(plan, self._tree, self._players, scope)
            finally:
                self._ledger.forget(name)
            self._keep(record)
        return record

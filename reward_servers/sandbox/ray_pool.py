"""A sandbox spread over a Ray cluster: one actor per machine, each with the workers of `pool`; programs go where the fewest are under way.

An actor, or its machine, may be lost: what was under way there runs elsewhere, and only when no machine is left is it a `sandbox_error`.
Machines that join later are not used; start another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from code_reward.errors import SandboxError
from code_reward.problem import Test
from reward_servers.sandbox.isolation import Isolation, Level
from reward_servers.sandbox.outcome import Execution, Limits, Mode, Observations, Outcome
from reward_servers.sandbox.pool import LocalSandbox

_START_SECONDS = 120.0


@dataclass
class Machine:
    """A machine of the cluster, as seen from here."""

    name: str
    actor: Any
    busy: int = 0


class RaySandbox:
    """A sandbox on every machine of a Ray cluster; the same protocol as in process. For one event loop.

    Args:
        address (`str`): The cluster's, as `ray.init` takes it; `auto` for the one that this machine belongs to.
        workers (`int`, *optional*, defaults to each machine's number of CPUs): Programs that run at once on each machine.
        mode (`str`, *optional*, defaults to `auto`): See `reward_servers.sandbox.connect`.
        require (`str`, *optional*, defaults to `limited`): The isolation that every machine must have.

    Raises:
        SandboxError: There is no such cluster, or a machine has less isolation than required.
    """

    def __init__(self, address: str = "auto", workers: int | None = None, mode: Mode = "auto", require: Level = "limited") -> None:
        try:
            if not ray.is_initialized():
                ray.init(address=address, log_to_driver=False, logging_level="warning")
            nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
            self._machines = [_start(node, workers, mode, require) for node in nodes]
            found = ray.get([machine.actor.isolation.remote() for machine in self._machines], timeout=_START_SECONDS)
        except (ConnectionError, RayError) as error:
            raise SandboxError(f"No sandbox can be had on the Ray cluster {address!r} ({error}).") from error
        self._isolation = _weakest([Isolation.model_validate(one) for one in found])

    async def isolation(self) -> Isolation:
        """What every machine has: that of the least isolated one."""
        return self._isolation

    async def run(
        self,
        program: str,
        tests: Sequence[Test],
        *,
        entry_point: str | None = None,
        limits: Limits | None = None,
        mode: Mode | None = None,
    ) -> Outcome:
        """See `Sandbox.run`."""
        return Outcome.model_validate(await self._ask("run", program, list(tests), entry_point=entry_point, limits=limits, mode=mode))

    async def observe(self, program: str, calls: Sequence[str], *, limits: Limits | None = None) -> Observations:
        """See `Sandbox.observe`."""
        return Observations.model_validate(await self._ask("observe", program, list(calls), limits=limits))

    async def execute(self, program: str, stdin: str = "", **options: Any) -> Execution:
        """See `LocalSandbox.execute`."""
        return Execution.model_validate(await self._ask("execute", program, stdin, **options))

    async def close(self) -> None:
        """Stop the actors; the cluster goes on."""
        for machine in self._machines:
            ray.kill(machine.actor)
        self._machines = []

    async def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        while self._machines:
            machine = min(self._machines, key=lambda one: one.busy)
            machine.busy += 1
            answer = getattr(machine.actor, method).remote(*arguments, **options)
            try:
                return await answer
            except asyncio.CancelledError:
                ray.cancel(answer)
                raise
            except RayActorError:
                if machine in self._machines:
                    self._machines.remove(machine)
            finally:
                machine.busy -= 1
        return {"kind": "sandbox_error", "message": "every machine of the Ray cluster is lost; start it again"}


class _Actor:
    """The sandbox of one machine. Answers are plain, so that both ends need not have the same classes loaded."""

    def __init__(self, workers: int, mode: Mode, require: Level) -> None:
        self._sandbox = LocalSandbox(workers, mode, require)

    async def isolation(self) -> dict[str, Any]:
        return (await self._sandbox.isolation()).model_dump()

    async def run(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return (await self._sandbox.run(*arguments, **options)).model_dump()

    async def observe(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return (await self._sandbox.observe(*arguments, **options)).model_dump()

    async def execute(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return (await self._sandbox.execute(*arguments, **options)).model_dump()


def _start(node: dict[str, Any], workers: int | None, mode: Mode, require: Level) -> Machine:
    count = workers or int(node["Resources"]["CPU"])
    # The CPUs are not reserved: a sandbox shares its machine with whatever else runs there, as a server would.
    options = {
        "num_cpus": 0,
        "max_concurrency": 10_000,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
    }
    return Machine(node["NodeName"], ray.remote(_Actor).options(**options).remote(count, mode, require))


def _weakest(found: Sequence[Isolation]) -> Isolation:
    order: Sequence[Level] = ("limited", "confined", "isolated")
    if not found:
        raise SandboxError("The Ray cluster has no machine with CPUs; add one.")
    return min(found, key=lambda isolation: order.index(isolation.level))

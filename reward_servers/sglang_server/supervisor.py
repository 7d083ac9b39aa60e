"""All replicas and their router: up, checked, watched, restarted, swapped, and down again with nothing left behind.

Whatever ends in an error here ends everything: a replica whose scores are others would be asked as often as the right ones.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import aiohttp

from code_reward.errors import CodeRewardError, RewardServerError
from code_reward.reference import Reference
from code_reward.serving import context_length
from reward_servers.client.asking import AskError
from reward_servers.client.discovery import list_workers
from reward_servers.sglang_server.commands import replica_command, replica_environment, router_command
from reward_servers.sglang_server.process import Process
from reward_servers.sglang_server.replica import Replica
from reward_servers.sglang_server.settings import SGLangServer

HIGHEST_PORT = 65535 - 10000
"""SGLang keeps the port that lies 10,000 above its own for gRPC, and does not start where there is none."""

WATCH_SECONDS = 2.0
UNHEALTHY = 3
"""Health checks failed in a row after which a replica that still runs is started again."""
STARTS = 5
"""Starts in a row that may fail before a dead replica is given up, and with it everything."""
_REQUEST_SECONDS = 120.0


async def serve(settings: SGLangServer) -> None:
    """Serve until SIGTERM or SIGINT; raises `CodeRewardError` if it cannot, with everything stopped."""
    loop = asyncio.get_running_loop()
    told_to_stop, told_to_swap = asyncio.Event(), asyncio.Event()
    for number, event in ((signal.SIGTERM, told_to_stop), (signal.SIGINT, told_to_stop), (signal.SIGHUP, told_to_swap)):
        loop.add_signal_handler(number, event.set)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS)))
        supervisor = Supervisor(settings, session)
        stack.push_async_callback(supervisor.stop)
        await _first(told_to_stop.wait(), supervisor.run(told_to_swap))


async def _first(*work: Coroutine[Any, Any, Any]) -> None:
    """Run all until one ends, cancel the others, raise what the one raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Supervisor:
    """The replicas of one reward model and the router before them."""

    def __init__(self, settings: SGLangServer, session: aiohttp.ClientSession) -> None:
        self.settings, self._session = settings, session
        self.model = settings.model.resolve()
        self.reference = Reference.load(self.model)
        routed = settings.router or settings.replicas > 1
        # The router, its metrics, and the replicas; or the only replica.
        ports = free_ports(settings.host, settings.replicas + (2 if routed else 0))
        ports[0] = settings.port or ports[0]
        self.url = f"http://{settings.host}:{ports[0]}"
        self.replicas = [self._replica(i, port) for i, port in enumerate(ports[2:] if routed else ports)]
        urls = [replica.url for replica in self.replicas]
        self.router = Process(router_command(settings, ports[0], ports[1], urls), settings.logs / "router.log") if routed else None

    def _replica(self, index: int, port: int) -> Replica:
        command = replica_command(self.settings, self.model, index, port)
        process = Process(command, self.settings.logs / f"replica-{index}.log", replica_environment(self.model))
        return Replica(self.settings.host, port, process, self._session)

    async def run(self, told_to_swap: asyncio.Event) -> None:
        """Start everything, say so, and keep it up; ends only by an error or by being cancelled."""
        await asyncio.gather(*map(self._start, self.replicas))
        if self.router is not None:
            await self._start_router(self.router)
        print(f"ready {self.url}", flush=True)
        await _first(*map(self._watch, self.replicas), self._watch_router(), self._swap_when(told_to_swap))

    async def stop(self) -> None:
        """End all processes."""
        processes = [replica.process for replica in self.replicas] + ([self.router] if self.router is not None else [])
        await asyncio.gather(*(process.stop() for process in processes))

    async def _start(self, replica: Replica) -> None:
        _say(f"starting {replica.url}, log {replica.process.log}")
        await replica.start(self.settings.start_seconds)
        await replica.check(self.reference, self.settings.dtype)
        _say(f"{replica.url} gives the reference scores")

    async def _watch(self, replica: Replica) -> None:
        failures = 0
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            failures = 0 if await replica.healthy() else failures + 1
            if not replica.process.alive or failures >= UNHEALTHY:
                async with replica.changing:
                    # Whoever held it, to load other weights, may be why there was no answer, and may have started it again.
                    if not await replica.healthy():
                        _say(f"{replica.url} {'does not answer' if replica.process.alive else 'is dead'}")
                        await self._restart(replica)
                failures = 0

    async def _restart(self, replica: Replica) -> None:
        for attempt in range(STARTS):
            await replica.process.stop()
            try:
                await self._start(replica)
                return
            except RewardServerError as error:
                if error.kind == "wrong_model" or attempt + 1 == STARTS:
                    raise
                _say(str(error))
                await asyncio.sleep(2.0**attempt)

    async def _start_router(self, router: Process) -> None:
        await router.start()
        deadline = asyncio.get_running_loop().time() + self.settings.start_seconds
        while not await self._router_answers():
            if not router.alive or asyncio.get_running_loop().time() > deadline:
                words = f"see {router.log}, which ends:\n{router.last_words()}"
                raise RewardServerError(f"sglang-router does not take in the replicas at {self.url}; {words}", kind="not_started")
            await asyncio.sleep(0.2)

    async def _router_answers(self) -> bool:
        """Whether it has taken in every replica, which it does after it has begun to listen."""
        try:
            listed = await list_workers(self._session, self.url)
        except AskError:
            return False
        return {replica.url for replica in self.replicas} <= set(listed)

    async def _watch_router(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self.router is not None and not self.router.alive:
                _say(f"the router at {self.url} is dead")
                await self._start_router(self.router)

    async def _swap_when(self, told: asyncio.Event) -> None:
        while True:
            await told.wait()
            told.clear()
            try:
                await self._swap(self.settings.model.resolve())
            except CodeRewardError as error:
                if error.kind == "wrong_model":
                    raise
                _say(f"not swapped: {error}")

    async def _swap(self, model: Path) -> None:
        """Make one replica after the other serve `model`; the others answer meanwhile."""
        reference = Reference.load(model)
        context_length(model)  # Raises before anything has changed.
        async with AsyncExitStack() as stack:
            # A replica that is being started is checked against the reference that it was started for.
            for replica in self.replicas:
                await stack.enter_async_context(replica.changing)
            self.model, self.reference = model, reference
            for index, replica in enumerate(self.replicas):
                replica.process.command = replica_command(self.settings, model, index, replica.port)
                replica.process.environment = replica_environment(model)
                if await replica.load(model):
                    await replica.check(reference, self.settings.dtype)
                else:
                    _say(f"{replica.url} cannot load {model} while it runs; starting it again")
                    await self._restart(replica)
        _say(f"swapped to {model}")


def free_ports(host: str, count: int) -> list[int]:
    """Ports that nobody listens on now and that SGLang takes (`HIGHEST_PORT`)."""
    with ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            one = stack.enter_context(socket.socket())
            one.bind((host, 0))
            ports += [port for port in (one.getsockname()[1],) if port <= HIGHEST_PORT]
        return ports


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)

"""The sandbox's HTTP server: its own `/run` and `/execute`, SandboxFusion's `/run_code`, health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request, Response
from prometheus_client import generate_latest
from pydantic import BaseModel

from code_reward.errors import ConfigurationError, SandboxError
from reward_servers.listener import Server, bind
from reward_servers.sandbox.bodies import map_large_blocks
from reward_servers.sandbox.contract import Execute, Observe, Run, describe
from reward_servers.sandbox.desk import Desk
from reward_servers.sandbox.fusion import RunCode, RunCodeReply, answer_run_code
from reward_servers.sandbox.isolation import Isolation
from reward_servers.sandbox.outcome import Execution, Observations, Outcome
from reward_servers.sandbox.pool import LocalSandbox
from reward_servers.sandbox.self_check import self_check
from reward_servers.sandbox.settings import SandboxServer
from reward_servers.wrong_address import name_addresses

if TYPE_CHECKING:
    from reward_servers.sandbox.ray_pool import RaySandbox


_ROUTES: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
    "/run": (Run, Outcome),
    "/observe": (Observe, Observations),
    "/execute": (Execute, Execution),
    "/run_code": (RunCode, RunCodeReply),
}


def serve(settings: SandboxServer) -> None:
    """Serve until SIGTERM or SIGINT; raises `ConfigurationError` or `SandboxError` if it cannot or should not start."""
    map_large_blocks()
    with bind(settings.host, settings.port) as listener:
        asyncio.run(_serve(settings, listener))


async def _serve(settings: SandboxServer, listener: Any) -> None:
    sandbox = _open(settings)
    try:
        isolation = await checked(sandbox)
        for layer, what in isolation.layers.items():
            print(f"{layer}: {what}", file=sys.stderr)
        app = build_app(sandbox, isolation, settings.max_queue)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=10)
        await Server(config).serve([listener])
    finally:
        await sandbox.close()


def _open(settings: SandboxServer) -> LocalSandbox | RaySandbox:
    if settings.ray is None:
        return LocalSandbox(settings.workers, require=settings.require)
    try:
        from reward_servers.sandbox.ray_pool import RaySandbox
    except ImportError as error:
        raise ConfigurationError("--ray needs Ray; install code-reward[ray].") from error
    return RaySandbox(settings.ray, settings.workers, require=settings.require)


async def checked(sandbox: LocalSandbox | RaySandbox) -> Isolation:
    """The sandbox's isolation, after it passed the self-check for that level; raises `SandboxError`."""
    isolation = await sandbox.isolation()
    troubles = await self_check(sandbox, isolation.level)
    if troubles:
        raise SandboxError(f"The sandbox fails its self-check and is not served: {'; '.join(troubles)}.", kind="self_check")
    return isolation


def build_app(sandbox: LocalSandbox | RaySandbox, isolation: Isolation, max_queue: int) -> FastAPI:
    """The routes of the server."""
    desk = Desk(max_queue)
    metrics = desk.metrics

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.reader.close()

    app = FastAPI(title="code-reward sandbox", docs_url=None, redoc_url=None, lifespan=lifespan)
    name_addresses(app)
    describe(app, _ROUTES)

    @app.post("/run")
    async def run(request: Request) -> Response:
        async def work(body: Run) -> Outcome:
            outcome = await sandbox.run(body.program, body.tests, entry_point=body.entry_point, limits=body.limits, mode=body.mode)
            metrics.count(outcome.kind, outcome.seconds)
            return outcome

        return await desk.serve(request, Run, work)

    @app.post("/observe")
    async def observe(request: Request) -> Response:
        async def work(body: Observe) -> Observations:
            observations = await sandbox.observe(body.program, body.calls, limits=body.limits)
            metrics.count(observations.kind, observations.seconds)
            return observations

        return await desk.serve(request, Observe, work)

    @app.post("/execute")
    async def execute(request: Request) -> Response:
        async def work(body: Execute) -> Execution:
            execution = await sandbox.execute(body.program, body.stdin, limits=body.limits)
            metrics.count(execution.kind, execution.seconds)
            return execution

        return await desk.serve(request, Execute, work)

    @app.post("/run_code")
    async def run_code(request: Request) -> Response:
        async def work(body: RunCode) -> RunCodeReply:
            reply = await answer_run_code(sandbox, body)
            metrics.count(reply.status, reply.run_result.execution_time or 0.0 if reply.run_result else 0.0)
            return reply

        return await desk.serve(request, RunCode, work)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", **isolation.model_dump()}

    @app.get("/metrics")
    async def show_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    return app

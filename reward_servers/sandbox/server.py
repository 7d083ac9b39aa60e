"""The sandbox's HTTP server: its own `/run` and `/execute`, SandboxFusion's `/run_code`, health and metrics."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict

from code_reward.errors import ConfigurationError, DataError, SandboxError
from code_reward.problem import Test
from reward_servers.listener import Server, bind
from reward_servers.sandbox.fusion import RunCode, RunCodeReply, answer_run_code
from reward_servers.sandbox.isolation import Isolation
from reward_servers.sandbox.outcome import Execution, Limits, Mode, Observations, Outcome
from reward_servers.sandbox.pool import LocalSandbox
from reward_servers.sandbox.self_check import self_check
from reward_servers.sandbox.settings import SandboxServer

if TYPE_CHECKING:
    from reward_servers.sandbox.ray_pool import RaySandbox

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0)


class Run(BaseModel):
    """The body of `/run`: the arguments of `Sandbox.run`."""

    model_config = ConfigDict(extra="forbid")

    program: str
    tests: list[Test]
    entry_point: str | None = None
    limits: Limits = Limits()
    mode: Mode = "auto"


class Observe(BaseModel):
    """The body of `/observe`: the arguments of `Sandbox.observe`."""

    model_config = ConfigDict(extra="forbid")

    program: str
    calls: list[str]
    limits: Limits = Limits()


class Execute(BaseModel):
    """The body of `/execute`: the arguments of `Sandbox.execute`."""

    model_config = ConfigDict(extra="forbid")

    program: str
    stdin: str = ""
    limits: Limits = Limits()


class Metrics:
    """What the server counts; every name begins with `code_reward_sandbox_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.outcomes = Counter("code_reward_sandbox_outcomes", "Programs run.", ["kind"], registry=self.registry)
        self.waiting = Gauge("code_reward_sandbox_requests_open", "Requests waiting or running.", registry=self.registry)
        self.cpu = Histogram("code_reward_sandbox_cpu_seconds", "CPU time per program.", buckets=_SECONDS, registry=self.registry)

    def count(self, kind: str, seconds: float) -> None:
        self.outcomes.labels(kind).inc()
        self.cpu.observe(seconds)


def serve(settings: SandboxServer) -> None:
    """Serve until SIGTERM or SIGINT; raises `ConfigurationError` or `SandboxError` if it cannot or should not start."""
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


def _explain(error: RequestValidationError) -> str:
    """What is wrong with a body, in few characters and without what stood there, which may be anything."""
    said = (f"{'.'.join(str(part)[:50] for part in one['loc'])}: {one['msg'][:200]}" for one in error.errors()[:3])
    return "; ".join(said).encode("ascii", "backslashreplace").decode()


def build_app(sandbox: LocalSandbox | RaySandbox, isolation: Isolation, max_queue: int) -> FastAPI:
    """The routes of the server."""
    app = FastAPI(title="code-reward sandbox", openapi_url=None)
    metrics = Metrics()
    open_requests = 0

    @app.middleware("http")
    async def admit(request: Any, call_next: Any) -> Response:
        nonlocal open_requests
        if request.method == "POST" and open_requests >= max_queue:
            return JSONResponse({"error": f"{max_queue} programs wait already; try again later."}, 503, {"Retry-After": "1"})
        open_requests += 1
        metrics.waiting.set(open_requests)
        try:
            reply: Response = await call_next(request)
            return reply
        finally:
            open_requests -= 1
            metrics.waiting.set(open_requests)

    @app.post("/run")
    async def run(body: Run) -> Outcome:
        outcome = await sandbox.run(body.program, body.tests, entry_point=body.entry_point, limits=body.limits, mode=body.mode)
        metrics.count(outcome.kind, outcome.seconds)
        return outcome

    @app.post("/observe")
    async def observe(body: Observe) -> Observations:
        observations = await sandbox.observe(body.program, body.calls, limits=body.limits)
        metrics.count(observations.kind, observations.seconds)
        return observations

    @app.post("/execute")
    async def execute(body: Execute) -> Execution:
        execution = await sandbox.execute(body.program, body.stdin, limits=body.limits)
        metrics.count(execution.kind, execution.seconds)
        return execution

    @app.post("/run_code")
    async def run_code(body: RunCode) -> RunCodeReply:
        reply = await answer_run_code(sandbox, body)
        metrics.count(reply.status, reply.run_result.execution_time or 0.0 if reply.run_result else 0.0)
        return reply

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Any, error: RequestValidationError) -> Response:
        return JSONResponse({"error": _explain(error)}, 422)

    @app.exception_handler(DataError)
    async def bad_data(request: Any, error: DataError) -> Response:
        return JSONResponse({"error": str(error)}, 422)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", **isolation.model_dump()}

    @app.get("/metrics")
    async def show_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    return app

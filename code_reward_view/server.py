"""The page's server: reads, answers questions, changes nothing. It listens on 127.0.0.1 and answers only who calls it by that name.

A page that somebody else wrote, open in the same browser, can send requests here. It cannot read the answers (no CORS), cannot pretend to
be us by a name of its own that leads here (the Host header is checked), and there is nothing here that a request could change.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import JSONResponse, Response

from code_reward.errors import DataError
from code_reward_view import answers
from code_reward_view.export import read_static
from code_reward_view.run import Run
from code_reward_view.table import Query
from reward_servers.listener import Server, bind

HOST = "127.0.0.1"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TYPES = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}


def serve(run: Run, port: int) -> None:
    """Serve until told to stop; raises `ConfigurationError` for a port that is taken."""
    with bind(HOST, port) as listener:
        run.want(run.first.number)
        run.follow()
        server = Server(uvicorn.Config(build_app(run), log_level="warning", access_log=False, timeout_graceful_shutdown=2))
        asyncio.run(server.serve([listener]))
        run.close()


def build_app(run: Run) -> FastAPI:
    """The application; GET only."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=2000)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.update(_HEADERS)
        return response

    @app.exception_handler(DataError)
    async def tell(_: Request, error: DataError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=404)

    @app.get("/")
    def page() -> Response:
        return static("page.html")

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _TYPES:
            raise HTTPException(404)
        return Response(read_static(name), media_type=f"{_TYPES[name]}; charset=utf-8")

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    @app.get("/api/sources")
    def sources() -> dict[str, Any]:
        return answers.list_sources(run)

    @app.get("/api/{number}/state")
    def state(number: int) -> dict[str, Any]:
        return answers.state_of(run.want(number))

    @app.get("/api/{number}/figures")
    def figures(number: int) -> dict[str, Any]:
        return answers.tell_figures(run.want(number))

    @app.get("/api/{number}/errors")
    def errors(number: int) -> dict[str, Any]:
        return answers.tell_errors(run.want(number))

    @app.get("/api/{number}/rows/{row}")
    def row(number: int, row: int) -> dict[str, Any]:
        return answers.tell_detail(run.want(number), row)

    @app.get("/api/{number}/rows")
    def rows(
        number: int,
        start: int = 0,
        count: int = 100,
        verdict: str = "",
        reason: str = "",
        group: str = "",
        passed: str = "",
        problem: str = "",
        step_from: float | None = None,
        step_to: float | None = None,
        value_from: float | None = None,
        value_to: float | None = None,
        length_from: float | None = None,
        length_to: float | None = None,
        sort: str = "",
        descending: bool = False,
    ) -> dict[str, Any]:
        ranges = {"steps": (step_from, step_to), "values": (value_from, value_to), "lengths": (length_from, length_to)}
        query = Query(verdict, reason, group, passed, problem, sort=sort, descending=descending, **ranges)
        return answers.tell_rows(run.want(number), query, max(start, 0), max(count, 0))

    return app

"""What a server of ours says where it has no such path, or another method there: which ones it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute


def name_addresses(app: FastAPI) -> None:
    """Answer 404 and 405 with the addresses that `app` answers at."""
    for status in (404, 405):
        app.add_exception_handler(status, _teller(app, status))


def _teller(app: FastAPI, status: int) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def tell(request: Request, error: Exception) -> JSONResponse:
        routes = [route for route in app.routes if isinstance(route, APIRoute)]
        here = ", ".join(f"{method} {route.path}" for route in routes for method in sorted(route.methods or ()))
        message = f"There is no {request.method} {request.url.path} here; this server answers {here}."
        # Of a wrong method the headers say which ones are allowed.
        return JSONResponse({"detail": message}, status, getattr(error, "headers", None))

    return tell

"""What a server of ours says where it has no such path, or another method there: which ones it has."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route


def name_addresses(app: FastAPI) -> None:
    """Answer 404 and 405 with the addresses that `app` answers at."""

    async def tell(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        here = ", ".join(f"{method} {route.path}" for route in app.routes if isinstance(route, Route) for method in _methods(route))
        message = f"There is no {request.method} {request.url.path} here; this server answers {here}."
        return JSONResponse({"detail": message}, error.status_code, error.headers)

    for status in (404, 405):
        app.add_exception_handler(status, tell)


def _methods(route: Route) -> list[str]:
    return sorted((route.methods or set()) - {"HEAD"}) if route.include_in_schema else []

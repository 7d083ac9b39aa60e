"""The bodies of the server's requests, and what its OpenAPI document says of them and of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from code_reward.problem import Test
from reward_servers.sandbox.outcome import Limits, Mode

_MANY = 10_000
"""Tests or calls of one request."""
_STATUS = {
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "422": "The request means nothing; `error` says why.",
    "503": "Too much is under way; try again later.",
}
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Run(_Body):
    """The body of `/run`: the arguments of `Sandbox.run`."""

    program: str
    tests: list[Test] = Field(min_length=1, max_length=_MANY)
    entry_point: str | None = None
    limits: Limits = Limits()
    mode: Mode = "auto"


class Observe(_Body):
    """The body of `/observe`: the arguments of `Sandbox.observe`."""

    program: str
    calls: list[str] = Field(max_length=_MANY)
    limits: Limits = Limits()


class Execute(_Body):
    """The body of `/execute`: the arguments of `Sandbox.execute`."""

    program: str
    stdin: str = ""
    limits: Limits = Limits()


def describe(app: FastAPI, routes: Mapping[str, tuple[type[BaseModel], type[BaseModel]]]) -> None:
    """Put the body and the answer of each route, which reads its body itself, into the application's OpenAPI document."""
    models = [(model, mode) for body, answer in routes.values() for model, mode in ((body, "validation"), (answer, "serialization"))]
    found, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions.get("$defs", {}))
            for path, (body, answer) in routes.items():
                post = app.openapi_schema["paths"][path]["post"]
                post["requestBody"] = {"required": True, "content": _json(found[body, "validation"])}
                post["responses"] = {"200": {"description": "The answer.", "content": _json(found[answer, "serialization"])}}
                post["responses"] |= {status: {"description": said, "content": _json(_ERROR)} for status, said in _STATUS.items()}
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

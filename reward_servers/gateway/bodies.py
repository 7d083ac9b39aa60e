"""What the gateway says of a body that it cannot read: which field is wrong, in one sentence, under `detail` as every refusal of its."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse


def name_fields(app: FastAPI) -> None:
    """Answer 422 with a sentence in the place of FastAPI's list of pydantic's errors."""

    async def tell(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return JSONResponse({"detail": _sentence(error)}, 422)

    app.add_exception_handler(RequestValidationError, tell)


def _sentence(error: RequestValidationError) -> str:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"][1:]]
    if first["type"] == "json_invalid" or not place:
        return "The body is no JSON object; send one, with the header Content-Type: application/json."
    wrong = "is missing" if first["type"] == "missing" else f"is wrong ({first['msg']})"
    return f"{'.'.join(place)} {wrong}; docs/serving.md says what is sent."

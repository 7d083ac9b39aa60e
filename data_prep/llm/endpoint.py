"""`Endpoint`: one OpenAI-compatible server; one request to it becomes a `Reply` or a typed `LLMError`. No retries here."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from code_reward.errors import ConfigurationError
from data_prep.llm.errors import LLMError, RunStopped
from data_prep.llm.request import Reply, Request

if TYPE_CHECKING:
    import aiohttp

_MAX_BODY = 16 << 20
_MAX_RETRY_AFTER = 300.0
# 502 and 503 are said by what stands before a server that is away: nothing that the question could be blamed for.
_STATUS_KINDS = {404: "no_such_model", 408: "timeout", 425: "rate_limited", 429: "rate_limited", 502: "unreachable", 503: "unreachable"}


class Endpoint(BaseModel):
    """Settings of one server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    """Up to and without `/chat/completions`, e.g. `http://host:8000/v1`."""
    model: str
    role: Literal["policy", "judge", "both"] = "both"
    """Which questions it may be asked."""
    concurrency: int = Field(default=32, gt=0)
    """Requests under way at once."""
    timeout_seconds: float = Field(default=180.0, gt=0)
    """Wall seconds for one whole answer."""
    api_key_variable: str = ""
    """Name of the environment variable that holds the key; the key itself never stands in a file of ours."""

    def serves(self, role: str) -> bool:
        return self.role in ("both", role)

    def headers(self) -> dict[str, str]:
        """Raises `ConfigurationError` when the key's variable is not set."""
        if not self.api_key_variable:
            return {}
        key = os.environ.get(self.api_key_variable)
        if not key:
            raise ConfigurationError(f"The environment has no {self.api_key_variable}, which endpoint {self.url} needs; set it.")
        return {"Authorization": f"Bearer {key}"}


async def post(session: aiohttp.ClientSession, endpoint: Endpoint, headers: dict[str, str], request: Request) -> Reply:
    """Ask once. Raises `LLMError`; `RunStopped` for kind `unauthorised`."""
    import aiohttp

    url = f"{endpoint.url.rstrip('/')}/chat/completions"
    timeout = aiohttp.ClientTimeout(total=endpoint.timeout_seconds)
    try:
        async with session.post(url, json=request.body(endpoint.model), headers=headers, timeout=timeout) as response:
            body = await _read(response)
            if response.status != 200:
                raise _failure(endpoint, response, body)
    except (asyncio.TimeoutError, TimeoutError) as error:
        raise LLMError(f"{endpoint.url} gave no answer in {endpoint.timeout_seconds:g} s.", kind="timeout") from error
    except (aiohttp.ClientError, OSError) as error:
        raise LLMError(f"{endpoint.url} cannot be used ({type(error).__name__}: {error}).", kind="unreachable") from error
    return _reply(endpoint, body)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(1 << 16):
        parts.append(part)
        size += len(part)
        if size > _MAX_BODY:
            raise LLMError(f"{response.url} answers without end; more than {_MAX_BODY} bytes were not read.", kind="malformed")
    return b"".join(parts)


def _failure(endpoint: Endpoint, response: aiohttp.ClientResponse, body: bytes) -> LLMError:
    said = body[:300].decode(errors="replace")
    message = f"{endpoint.url} answered {response.status}: {said}"
    if response.status in (401, 403):
        return RunStopped(f"{message}; set the key of this endpoint and resume.", kind="unauthorised")
    default = "server_error" if response.status >= 500 else "refused"
    return LLMError(message, kind=_STATUS_KINDS.get(response.status, default), retry_after=_retry_after(response))


def _retry_after(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "").strip()
    # The header's other form, a date, is no use where clocks differ.
    return min(float(text), _MAX_RETRY_AFTER) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0


def _reply(endpoint: Endpoint, body: bytes) -> Reply:
    try:
        answer = json.loads(body)
        choice = answer["choices"][0]
        text, finish = choice["message"].get("content"), choice.get("finish_reason")
        if not isinstance(text, str | None):
            raise TypeError("content is no text")
        # A lone surrogate, which JSON can carry, is no text that a file could keep.
        text = (text or "").encode("utf-8", "replace").decode()
        return Reply(text=text, finish_reason=str(finish or ""), model=str(answer.get("model") or ""), **_usage(answer))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        message = f"{endpoint.url} answered what is no chat completion ({error!r:.200}): {body[:200].decode(errors='replace')}"
        raise LLMError(message, kind="malformed") from error


def _usage(answer: dict[str, Any]) -> dict[str, Any]:
    usage = answer.get("usage")
    counts = [usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        return {"counted": False}
    return {"prompt_tokens": counts[0], "completion_tokens": counts[1]}

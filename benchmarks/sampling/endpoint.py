"""An OpenAI-compatible endpoint as a policy: `POST /chat/completions`, many questions at once.

A busy or absent endpoint is asked again for a while; what it refuses for good, or a wrong key, ends the run with one sentence, and what
was answered is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.sampling.question import Answer, Question, Sampling
from code_reward.errors import ConfigurationError, RewardServerError

if TYPE_CHECKING:
    import aiohttp

Key = tuple[str, int]
T = TypeVar("T")

_ATTEMPTS = 5
_FIRST_WAIT = 1.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_END = frozenset({"abort", "error"})
"""Reasons with which servers end what they have not finished."""


class _Unusable(Exception):
    """What came with status 200 is no answer; it may be the next time."""


class EndpointModel:
    """A served model.

    Args:
        url: Up to and without `/chat/completions`.
        model: The name under which it is served; needed to answer.
        concurrency: Requests under way at once.
        timeout: Seconds for one answer; one that takes longer would take as long again, and ends the run.
        key_variable: Variable of the environment that holds the key.
    """

    def __init__(self, url: str, model: str = "", concurrency: int = 32, timeout: float = 600.0, key_variable: str = "") -> None:
        self._url, self._model = url.rstrip("/"), model
        self._concurrency, self._timeout = concurrency, timeout
        key = os.environ.get(key_variable) if key_variable else None
        if key_variable and not key:
            raise ConfigurationError(f"The environment has no {key_variable}, which was to hold the endpoint's key; set it.")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def find_model(self) -> str:
        """The name of the only model that the endpoint lists; raises `ConfigurationError` where it lists none or several."""

        async def find() -> str:
            async with self._session() as session:
                return await self._only_model(session)

        return asyncio.run(find())

    def answer(self, asked: Sequence[tuple[Key, Question]], sampling: Sampling, give: Callable[[Key, Answer], None]) -> None:
        """Answer every question and `give` each answer as soon as it is there; raises `RewardServerError` when no answer is to be had."""
        asyncio.run(self._answer_all(asked, sampling, give))

    async def _answer_all(self, asked: Sequence[tuple[Key, Question]], sampling: Sampling, give: Callable[[Key, Answer], None]) -> None:
        async with self._session() as session:
            questions = iter(asked)

            async def work() -> None:
                for key, question in questions:
                    give(key, await self._ask(session, question, sampling, key[1]))

            workers = [asyncio.create_task(work()) for _ in range(min(self._concurrency, len(asked)))]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()

    def _session(self) -> aiohttp.ClientSession:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=self._timeout)
        return aiohttp.ClientSession(headers=self._headers, timeout=timeout, connector=aiohttp.TCPConnector(limit=0))

    async def _only_model(self, session: aiohttp.ClientSession) -> str:
        listed = (await self._fetch(session, "GET", "/models", None, dict)).get("data")
        names = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        if len(names) != 1:
            raise ConfigurationError(f"{self._url} serves {names or 'no listed model'}; name one with --served-model.")
        return str(names[0])

    async def _ask(self, session: aiohttp.ClientSession, question: Question, sampling: Sampling, number: int) -> Answer:
        messages = [{"role": message.role, "content": message.content} for message in question.messages]
        body = {"model": self._model, "messages": messages, "max_tokens": sampling.max_tokens, "temperature": sampling.temperature}
        if sampling.temperature:
            body |= {"top_p": sampling.top_p, "seed": sampling.seed + number}
        return await self._fetch(session, "POST", "/chat/completions", body, _read)

    async def _fetch(self, session: aiohttp.ClientSession, method: str, path: str, body: Any, read: Callable[[dict[str, Any]], T]) -> T:
        import aiohttp

        trouble = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_FIRST_WAIT * 2 ** (attempt - 1))
            try:
                async with session.request(method, self._url + path, json=body) as response:
                    text = await response.text(errors="replace")
                    if response.status == 200:
                        return read(_object(text, self._url))
                    trouble = f"status {response.status}: {text[:200].strip()}"
                    if response.status not in _AGAIN:
                        break
            except _Unusable as error:
                trouble = str(error)
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                if isinstance(error, asyncio.TimeoutError) and not isinstance(error, aiohttp.ClientError):
                    trouble = f"it took longer than {self._timeout:.0f} s; give --timeout more, or --concurrency less"
                    break
                trouble = f"{type(error).__name__}: {error}"
        raise RewardServerError(
            f"{self._url} gave no answer ({trouble}); what was answered is kept: mend it and give the same command again.",
            kind="unreachable",
        )


def _object(text: str, url: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise RewardServerError(f"{url} answered what is no JSON object ({text[:100]!r}); check the address.", kind="malformed")
    return answer


def _read(answer: dict[str, Any]) -> Answer:
    """The first choice; raises `_Unusable` for what is no chat completion, or one that its server did not finish."""
    try:
        choice, usage = answer["choices"][0], answer.get("usage") or {}
        message, ended = choice["message"], choice.get("finish_reason")
        content = message.get("content") or ""
        # Two names under which servers tell reasoning apart.
        reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
        read = Answer(
            text=content.encode("utf-8", "replace").decode(),
            reasoning=reasoning.encode("utf-8", "replace").decode(),
            form="chat",
            cut=ended == "length",
            tokens=int(usage.get("completion_tokens") or 0),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        told = json.dumps(answer.get("error") or answer)[:200]
        raise _Unusable(f"no chat completion: {told}") from error
    if ended in _NO_END or (ended is None and not content):
        raise _Unusable(f"it ended an answer by {ended or 'giving no reason'}")
    return read

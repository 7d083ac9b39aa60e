"""An OpenAI-compatible endpoint as a policy: `POST /chat/completions`, many questions at once.

A busy or absent endpoint is asked again for a while; what it refuses for good, or a wrong key, ends the run with one sentence, and what
was answered is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.sampling.question import Answer, Question, Sampling
from code_reward.errors import ConfigurationError, RewardServerError

if TYPE_CHECKING:
    import aiohttp

Key = tuple[str, int]

_ATTEMPTS = 5
_FIRST_WAIT = 1.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class EndpointModel:
    """A served model.

    Args:
        url: Up to and without `/chat/completions`.
        model: The name under which it is served; by default the one that the endpoint lists, if it lists one.
        concurrency: Requests under way at once.
        timeout: Seconds for one answer.
        key_variable: Variable of the environment that holds the key.
    """

    def __init__(self, url: str, model: str | None = None, concurrency: int = 32, timeout: float = 600.0, key_variable: str = "") -> None:
        self._url, self.model = url.rstrip("/"), model
        self._concurrency, self._timeout = concurrency, timeout
        key = os.environ.get(key_variable) if key_variable else None
        if key_variable and not key:
            raise ConfigurationError(f"The environment has no {key_variable}, which was to hold the endpoint's key; set it.")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def answer(self, asked: Sequence[tuple[Key, Question]], sampling: Sampling, give: Callable[[Key, Answer], None]) -> None:
        """Answer every question and `give` each answer as soon as it is there; raises `RewardServerError` when no answer is to be had."""
        asyncio.run(self._answer_all(asked, sampling, give))

    async def _answer_all(self, asked: Sequence[tuple[Key, Question]], sampling: Sampling, give: Callable[[Key, Answer], None]) -> None:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=self._timeout)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            if self.model is None:
                self.model = await self._only_model(session)
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

    async def _only_model(self, session: aiohttp.ClientSession) -> str:
        listed = (await self._fetch(session, "GET", "/models", None)).get("data")
        names = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        if len(names) != 1:
            raise ConfigurationError(f"{self._url} serves {names or 'no listed model'}; name one with --served-model.")
        return str(names[0])

    async def _ask(self, session: aiohttp.ClientSession, question: Question, sampling: Sampling, number: int) -> Answer:
        messages = [{"role": message.role, "content": message.content} for message in question.messages]
        body = {"model": self.model, "messages": messages, "max_tokens": sampling.max_tokens, "temperature": sampling.temperature}
        if sampling.temperature:
            body |= {"top_p": sampling.top_p, "seed": sampling.seed + number}
        return _read(await self._fetch(session, "POST", "/chat/completions", body), self._url)

    async def _fetch(self, session: aiohttp.ClientSession, method: str, path: str, body: Any) -> dict[str, Any]:
        import aiohttp

        trouble = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_FIRST_WAIT * 2 ** (attempt - 1))
            try:
                async with session.request(method, self._url + path, json=body) as response:
                    text = await response.text(errors="replace")
                    if response.status == 200:
                        return _object(text, self._url)
                    trouble = f"status {response.status}: {text[:200].strip()}"
                    if response.status not in _AGAIN:
                        break
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
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


def _read(answer: dict[str, Any], url: str) -> Answer:
    try:
        choice, usage = answer["choices"][0], answer.get("usage") or {}
        message = choice["message"]
        reasoning = message.get("reasoning_content")
        # A server that parses reasoning off has already cut at `</think>`.
        text = (f"<think>{reasoning}</think>" if reasoning else "") + (message.get("content") or "")
        return Answer(
            text=text.encode("utf-8", "replace").decode(),
            form="chat",
            cut=choice.get("finish_reason") == "length",
            tokens=int(usage.get("completion_tokens") or 0),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise RewardServerError(f"{url} answered what is no chat completion ({error!r}); check the address.", kind="malformed") from error

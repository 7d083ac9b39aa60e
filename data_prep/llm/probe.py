"""Whether endpoints answer, asked before anything is paid for: a wrong key, model or address is said in the server's own words at once.

An endpoint that is busy, or not there yet, is no reason to stop while another serves its role: a run rests it and tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from code_reward.errors import ConfigurationError
from data_prep.llm.endpoint import Endpoint, post
from data_prep.llm.errors import LLMError
from data_prep.llm.request import Request, Sampling

_SECONDS = 60.0
_BUSY = frozenset({"rate_limited", "timeout"})
"""What a server says, or does, that is well."""

log = logging.getLogger(__name__)


async def require_answers(endpoints: Sequence[Endpoint]) -> None:
    """Ask each endpoint for one token.

    Raises `ConfigurationError` if one will never answer (a wrong key, model or path), or if none of a role answers.
    """
    troubles = await asyncio.gather(*map(_trouble, endpoints))
    for trouble in troubles:
        if trouble is not None and trouble.kind in ("unauthorised", "no_such_model", "refused", "malformed"):
            raise ConfigurationError(f"{str(trouble).rstrip('.')}. Correct the endpoint and give the same command again.") from trouble
    shared = all(endpoint.role == "both" for endpoint in endpoints)
    for role in ("policy", "judge"):
        serving = [trouble for endpoint, trouble in zip(endpoints, troubles, strict=True) if endpoint.serves(role)]
        if serving and all(trouble is not None and trouble.kind not in _BUSY for trouble in serving):
            whose = "" if shared else f" for the {role}"
            raise ConfigurationError(f"No endpoint{whose} answers: {serving[0]} Start one, or correct its url.") from serving[0]
    for trouble in troubles:
        if trouble is not None:
            log.warning("%s", trouble)


async def _trouble(endpoint: Endpoint) -> LLMError | None:
    import aiohttp

    question = Request(role="policy", prompt="Say yes.", template="probe", sampling=Sampling(max_tokens=1))
    brief = endpoint.model_copy(update={"timeout_seconds": min(endpoint.timeout_seconds, _SECONDS)})
    try:
        async with aiohttp.ClientSession() as session:
            await post(session, brief, endpoint.headers(), question)
    except LLMError as error:
        return error
    return None

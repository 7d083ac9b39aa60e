"""`ask`: a question through a ledger's scope, so that it is paid for once."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from data_prep.llm.client import Asker
from data_prep.llm.ledger import Scope
from data_prep.llm.request import Reply, Request


def ask(asker: Asker, scope: Scope, request: Request) -> Awaitable[Reply]:
    """The reply to this occurrence of `request` in `scope`: remembered, or asked for and remembered. Counted at once, awaited later."""

    async def pay() -> dict[str, Any]:
        reply = await asker.ask(request, scope.urgency)
        return reply.model_dump(mode="json", exclude_defaults=True)

    return _read(scope.once(request.digest(), pay))


async def _read(record: Awaitable[dict[str, Any]]) -> Reply:
    return Reply.model_validate(await record)

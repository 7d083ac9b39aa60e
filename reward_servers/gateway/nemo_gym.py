"""NeMo-Gym's side of the gateway: what its agents and its collector ask of a resources server.

    POST /seed_session        anything                                                     ->  {}
    POST /verify              {"responses_create_params": …, "response": …, your columns}  ->  the same, "reward": 0.71, "code_reward": {…}
    POST /aggregate_metrics   {"verify_responses": [rows]}                                 ->  means over all rows and per task
    GET  /reverify_mode                                                                    ->  "stateless"

The problem is the row's `verifier_metadata` (`statement`, `entry_point`); without a statement there, what the last user's turn of the input
asks, and without an entry point, what `reward_servers.gateway.entry_points` finds. The answer is the last message of the assistant's own
that holds a program, reasoning and tool output left out. NeMo-Gym's rows must carry a number in `reward`, so a missing verdict has its own
mark of a failure, `_ng_failure_class`: such rows go into its file of failures, out of every statistic, and are tried again when it resumes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from statistics import fmean
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict

from code_reward.chat_prompt import statement_in
from code_reward.extracting import extract
from code_reward.shaping import shape
from code_reward.verdict import Missing, Rejected, to_record
from reward_servers.client import RewardClient
from reward_servers.gateway.entry_points import EntryPoints

FAILURE = "reward_missing"


_TASK = "_ng_task_index"


class Verify(BaseModel):
    """A rollout as NeMo-Gym's agents send it; its other columns are given back as they came."""

    model_config = ConfigDict(extra="allow")

    responses_create_params: dict[str, Any]
    response: dict[str, Any]
    verifier_metadata: dict[str, Any] = {}


class Rollouts(BaseModel):
    """Rows that `/verify` gave, as NeMo-Gym's collector sends them at the end."""

    verify_responses: list[dict[str, Any]]


def add_routes(app: FastAPI, client: RewardClient, names: EntryPoints, shaping: str, rejected: float | None) -> None:
    """Add NeMo-Gym's routes over a client to the gateway's."""

    @app.post("/seed_session")
    async def seed_session() -> dict[str, Any]:
        return {}

    @app.get("/reverify_mode")
    async def reverify_mode() -> str:
        return "stateless"

    @app.post("/verify")
    async def verify(body: Verify) -> dict[str, Any]:
        statement = _statement(body)
        if not statement:
            raise HTTPException(422, "The row has no problem: send verifier_metadata.statement, or an input with a user's turn.")
        entry_point = names.find(statement, body.verifier_metadata)
        try:
            answer = await answer_in(body.response, entry_point)
        except BrokenProcessPool:
            missing = Missing("extraction_failed")
            return _failed({**body.model_dump(), "code_reward": to_record(missing)}, missing)
        judged = await client.verdict(statement, answer, entry_point)
        row = {**body.model_dump(), "code_reward": {**to_record(judged.verdict), "rm": judged.rm, "cut": judged.cut}}
        if isinstance(judged.verdict, Missing):
            return _failed(row, judged.verdict)
        reward = shape(judged.verdict, shaping, rejected=rejected)
        return {**row, "reward": reward, "rejected": float(isinstance(judged.verdict, Rejected))}

    @app.post("/aggregate_metrics")
    async def aggregate_metrics(body: Rollouts) -> dict[str, Any]:
        judged = [row for row in body.verify_responses if "_ng_failure_class" not in row]
        if not judged:
            raise HTTPException(422, "None of the rows has a verdict; there is nothing to average.")
        tasks: dict[Any, list[dict[str, Any]]] = {}
        for row in judged:
            tasks.setdefault(row.get(_TASK), []).append(row)
        overall = _means(judged)
        return {
            "group_level_metrics": [{_TASK: task, **_means(rows)} for task, rows in tasks.items()],
            "agent_metrics": overall,
            "key_metrics": overall,
        }


def _failed(row: Mapping[str, Any], verdict: Missing) -> dict[str, Any]:
    return {**row, "reward": 0.0, "_ng_failure_class": FAILURE, "_ng_failure_reason": verdict.reason}


def _means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {f"mean/{name}": fmean(row[name] for row in rows) for name in ("reward", "rejected") if all(name in row for row in rows)}


async def answer_in(response: Mapping[str, Any], entry_point: str | None = None) -> str:
    """The text of the assistant's last message that holds a program, else of its last; empty where it said nothing. Raises as `extract`."""
    texts = [text for item in response.get("output") or [] for text in _own_text(item)]
    # With one there is nothing to choose, and the client extracts it anyway.
    for text in reversed(texts if len(texts) > 1 else []):
        if (await extract(text, entry_point=entry_point)).code is not None:
            return text
    return texts[-1] if texts else ""


def _own_text(item: Any) -> Iterable[str]:
    """The text of one item of the output, if it is a message of the assistant's."""
    if not isinstance(item, Mapping) or item.get("type", "message") != "message" or item.get("role", "assistant") != "assistant":
        return
    content = item.get("content")
    parts: list[Any] = content if isinstance(content, list) else [{"type": "output_text", "text": content}]
    yield "".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def _statement(body: Verify) -> str | None:
    asked = body.verifier_metadata.get("statement") or statement_in(_input(body.responses_create_params.get("input")))
    return asked if isinstance(asked, str) else None


def _input(value: Any) -> str | list[dict[str, Any]]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, dict)]
    return value if isinstance(value, str) else ""

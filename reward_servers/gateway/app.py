"""The gateway's routes. A reward is a number only if there is a verdict: what is missing is 503, and a trainer asks again; what can never
be judged (a prompt in a format that is not known, an input that the server refuses) is 422, and asking again is of no use.

    POST /remote_rm    {"prompt": text or messages, "response": text, "label": ..., "metadata": ...}   ->  0.71
    POST /get_reward   {"query": [texts], "prompts": [texts], "labels": [...]}               ->  {"rewards": [0.71], "scores": [0.71], ...}

and NeMo-Gym's routes (`reward_servers.gateway.nemo_gym`). The problem statement is the prompt's last user turn (`code_reward.chat_prompt`).
A `query` is prompt and response as one text; where `prompts` are given they say where the response begins, else the last assistant's turn
does. A list with one missing verdict is 503 as a whole: the contract has no place for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from code_reward.chat_prompt import split_answer, statement_in
from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.problem import load_problems
from code_reward.shaping import shape
from code_reward.verdict import Missing, Rejected, Verdict
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.gateway import nemo_gym
from reward_servers.gateway.bodies import name_fields
from reward_servers.gateway.entry_points import EntryPoints
from reward_servers.gateway.settings import Gateway
from reward_servers.listener import Server, bind
from reward_servers.wrong_address import name_addresses

_STATEMENT_UNKNOWN = (
    "The prompt has no user's turn that could be the problem; send text without control tokens, messages, or Qwen or GLM turns."
)


class RemoteRM(BaseModel):
    """The body of slime's `remote_rm`."""

    prompt: str | list[dict[str, Any]]
    response: str
    label: Any = None
    metadata: Any = None
    """Not slime's own; its `entry_point` says which function a program must define."""


class GetReward(BaseModel):
    """The body of OpenRLHF's remote reward model."""

    query: list[str]
    prompts: list[str] | None = None
    labels: list[Any] | None = None


def serve(settings: Gateway) -> None:
    """Serve until SIGTERM or SIGINT; raises `CodeRewardError` if it cannot start."""
    shape(Rejected("no_code"), settings.shaping, rejected=settings.rejected)
    if (not settings.rm_url) == (settings.rm_router is None):
        raise ConfigurationError("Nobody scores: give --rm-url or --rm-router, and not both.")
    client_settings = ClientSettings(dtype=settings.dtype, deadline_seconds=settings.deadline_seconds)
    client = RewardClient(settings.rm_dir, settings.rm_url, router=settings.rm_router, settings=client_settings)
    with bind(settings.host, settings.port) as listener:
        asyncio.run(_serve(settings, client, listener))


async def _serve(settings: Gateway, client: RewardClient, listener: Any) -> None:
    async with client:
        await client.check()
        problems = [problem for path in settings.problems for problem in load_problems(path)]
        app = build_app(client, settings.shaping, settings.rejected, EntryPoints(problems))
        await Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=10)).serve([listener])


def build_app(client: RewardClient, shaping: str, rejected: float | None = None, entry_points: EntryPoints | None = None) -> FastAPI:
    """The routes over a client; the caller closes it."""
    app = FastAPI(title="code-reward gateway", openapi_url=None)
    name_addresses(app)
    name_fields(app)
    names = entry_points or EntryPoints()

    async def rewards_of(pairs: Sequence[tuple[str | None, str]], told: Sequence[Sequence[Any]]) -> tuple[list[float], list[Verdict]]:
        if any(statement is None for statement, _ in pairs):
            raise HTTPException(422, _STATEMENT_UNKNOWN)
        asked = [(str(statement), response) for statement, response in pairs]
        judged = await client.verdicts([(*one, names.find(one[0], *said)) for one, said in zip(asked, told, strict=True)])
        verdicts = [one.verdict for one in judged]
        missing = Counter(verdict.reason for verdict in verdicts if isinstance(verdict, Missing))
        if set(missing) == {"refused"}:
            raise HTTPException(
                422, "The reward model's server refuses this input whenever it is asked; see the gateway's log for the reason."
            )
        if missing:
            causes = ", ".join(f"{reason} {count}" for reason, count in missing.most_common())
            raise HTTPException(
                503, f"{missing.total()} of {len(verdicts)} verdicts are missing ({causes}); ask again.", {"Retry-After": "1"}
            )
        rewards = [shape(verdict, shaping, rejected=rejected) for verdict in verdicts]
        return [reward for reward in rewards if reward is not None], verdicts

    @app.post("/remote_rm")
    async def remote_rm(body: RemoteRM) -> float:
        rewards, _ = await rewards_of([(statement_in(body.prompt), body.response)], [(body.metadata, body.label)])
        return rewards[0]

    @app.post("/get_reward")
    async def get_reward(body: GetReward) -> dict[str, Any]:
        if body.labels is not None and len(body.labels) != len(body.query):
            raise HTTPException(422, f"{len(body.query)} queries came with {len(body.labels)} labels; send as many, or none.")
        rewards, verdicts = await rewards_of(_pairs(body), [(label,) for label in body.labels or [None] * len(body.query)])
        logs = {"rejected": [float(isinstance(verdict, Rejected)) for verdict in verdicts]}
        return {"rewards": rewards, "scores": rewards, "extra_logs": logs}

    nemo_gym.add_routes(app, client, names, shaping, rejected)

    @app.get("/health")
    async def health() -> None:
        try:
            await client.check()
        except RewardServerError as error:
            raise HTTPException(503, str(error)) from error

    return app


def _pairs(body: GetReward) -> list[tuple[str | None, str]]:
    """Statement and response of each query."""
    if body.prompts is not None and len(body.prompts) != len(body.query):
        raise HTTPException(422, f"{len(body.query)} queries came with {len(body.prompts)} prompts; send as many.")
    prompts: Sequence[str | None] = body.prompts or [None] * len(body.query)
    return [_pair(query, prompt) for query, prompt in zip(body.query, prompts, strict=True)]


def _pair(query: str, prompt: str | None) -> tuple[str | None, str]:
    if prompt is not None:
        if not query.startswith(prompt):
            raise HTTPException(422, "A query does not begin with its prompt; send prompt and response as one text.")
        return statement_in(prompt), query[len(prompt) :]
    split = split_answer(query)
    return (None, "") if split is None else (statement_in(split[0]), split[1])

"""Whoever asks a server of ours at an address that it does not have is told which it has."""

import httpx
import pytest
from tiny_rm import build_client_folder

from reward_servers.client import RewardClient
from reward_servers.embedded.app import build_app as build_embedded
from reward_servers.gateway.app import build_app as build_gateway
from reward_servers.sandbox.isolation import Isolation
from reward_servers.sandbox.server import build_app as build_sandbox


class Scores:
    """As much of the embedded server's model as its routes are made of."""

    metrics = batcher = None


@pytest.fixture(params=["embedded", "gateway", "sandbox"])
async def served(request, tmp_path):
    """A server's application and one address that it has."""
    if request.param == "embedded":
        yield build_embedded(Scores(), "rm"), "POST /classify"
    elif request.param == "sandbox":
        yield build_sandbox(None, Isolation(level="confined", layers={}), 1), "POST /run_code"
    else:
        async with RewardClient(build_client_folder(tmp_path / "rm", score=len), ["http://127.0.0.1:9"]) as client:
            yield build_gateway(client, "default"), "POST /remote_rm"


@pytest.mark.parametrize("status", [404, 405])
async def test_a_wrong_address_is_answered_with_the_right_ones(served, status):
    app, address = served
    path = "/v1/classify" if status == 404 else address.split()[1]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
        reply = await http.get(path)
    assert reply.status_code == status
    told = reply.json()["detail"]
    assert told.startswith(f"There is no GET {path} here; this server answers ")
    assert address in told
    assert "HEAD" not in told
    assert "/docs" not in told

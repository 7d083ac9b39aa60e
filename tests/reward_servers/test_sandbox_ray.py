"""The sandbox over a real Ray cluster of two machines (two Ray nodes on this one)."""

import asyncio

import pytest

from code_reward.errors import DataError
from code_reward.problem import AssertTest
from reward_servers.sandbox.self_check import self_check

pytestmark = pytest.mark.integration
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install code-reward[ray]")
ADD_ONE = "def f(x):\n    return x + 1\n"


@pytest.fixture
def cluster(monkeypatch):
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


async def test_a_cluster_is_a_sandbox_that_survives_the_loss_of_a_machine(cluster):
    from reward_servers.sandbox.ray_pool import RaySandbox

    sandbox = RaySandbox(cluster.address, workers=1)
    try:
        assert len(sandbox._machines) == 2
        assert await self_check(sandbox, (await sandbox.isolation()).level) == []
        assert (await sandbox.observe(ADD_ONE, ["f(1)"])).calls[0].value == "2"
        assert (await sandbox.execute("print(input())", "7")).stdout == "7\n"
        with pytest.raises(DataError):
            await sandbox.observe(ADD_ONE, ["f("])
        runs = [sandbox.run(ADD_ONE, [AssertTest(code=f"assert f({x}) == {x + 1}")]) for x in range(60)]
        under_way = asyncio.gather(*runs)
        await asyncio.sleep(0.05)
        cluster.remove_node(cluster.list_all_nodes()[-1])
        outcomes = await under_way
        assert all(outcome.passed for outcome in outcomes)
        assert len(sandbox._machines) == 1
    finally:
        await sandbox.close()
    assert (await sandbox.run(ADD_ONE, [AssertTest(code="assert f(1) == 2")])).kind == "sandbox_error"

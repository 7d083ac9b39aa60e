"""Servers that really misbehave: whatever they do, every sample has its right score or a typed `Missing`, and never a wrong number."""

import asyncio
import gc
import socket
from contextlib import AsyncExitStack
from time import perf_counter

import aiohttp
import pytest
from misbehaving import Misbehaving, other_score_of, score_of
from tiny_rm import answer, build_client_folder, statement
from waiting import until, until_known

from code_reward.errors import RewardServerError
from code_reward.rm_input import RMInput
from code_reward.verdict import Missing, Scored
from reward_servers.client import ClientSettings, RewardClient, fleet
from reward_servers.client.asking import AskError, ask
from reward_servers.wire import CLASSIFY

QUICK = {
    # Longer than any test may take: what is to be right in the end may come late on a busy machine.
    "deadline_seconds": 600.0,
    "request_seconds": 1.0,
    "connect_seconds": 1.0,
    "backoff_seconds": 0.01,
    "max_backoff_seconds": 0.1,
    "refresh_seconds": 0.1,
    "list_items": 8,
}

SAMPLES = [(statement(i % 5), answer(i)) for i in range(40)]


@pytest.fixture
def connect(client_dir):
    """Makes clients with quick settings."""
    return lambda *urls, router=None, **options: RewardClient(client_dir, urls, router=router, settings=ClientSettings(**QUICK | options))


@pytest.fixture
def truth(client_dir):
    """The right verdict on each of `SAMPLES`."""
    rm_input = RMInput.load(client_dir)
    return [Scored(score_of(rm_input.build(*sample).ids)) for sample in SAMPLES]


@pytest.fixture
def token_of(client_dir):
    """A token that only the sample of that number holds, and no reference item."""
    rm_input = RMInput.load(client_dir)
    ids = [set(rm_input.build(*sample).ids) for sample in SAMPLES]
    return lambda i: next(iter(ids[i] - set().union(*(other for j, other in enumerate(ids) if j != i))))


def verdicts(judged):
    return [one.verdict for one in judged]


def assert_missing(judged, reason):
    """No number; on a busy machine the time may also be over before an answer is prepared, or the server has said anything."""
    assert {type(verdict) for verdict in verdicts(judged)} == {Missing}
    assert {verdict.reason for verdict in verdicts(judged)} <= {reason, "timeout"}


FAULTS = ["closes", "reset", "hang", "drip", "500", "503", "429", "404", "malformed", "short", "nan", "softmax"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_that_passes_costs_no_sample(connect, truth, fault):
    async with Misbehaving() as server, connect(server.url) as client:
        assert verdicts(await client.verdicts(SAMPLES[:4])) == truth[:4]
        server.fault = fault
        met = server.requests + 2
        calls = asyncio.create_task(client.verdicts(SAMPLES))
        await until(lambda: server.requests >= met)
        assert not calls.done()
        server.fault = None
        assert verdicts(await calls) == truth


REASONS = {
    "closes": "unreachable",
    "reset": "unreachable",
    "hang": "timeout",
    "drip": "timeout",
    "500": "server_error",
    "503": "overloaded",
    "429": "overloaded",
    "404": "not_found",
    "malformed": "bad_reply",
    "short": "bad_reply",
    "nan": "wrong_model",
    "softmax": "wrong_model",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_that_stays_is_a_missing_verdict_with_its_reason_in_time(connect, fault):
    async with Misbehaving() as server, connect(server.url, deadline_seconds=0.7) as client:
        server.fault = fault
        # Whoever waited for the server would wait for ever.
        judged = await client.verdicts(SAMPLES)
    assert_missing(judged, REASONS[fault])


async def test_nobody_waits_for_a_reward_model_that_is_not_there(connect, monkeypatch):
    monkeypatch.setattr(fleet, "FOR_GOOD_SECONDS", 0.3)
    async with Misbehaving() as server, connect(server.url, deadline_seconds=600) as client:
        server.fault = "404"
        # No time-out of the test's own: without an answer before the deadline it would take ten minutes.
        assert {verdict.reason for verdict in verdicts(await client.verdicts(SAMPLES))} == {"not_found"}
        assert (await client.verdict(*SAMPLES[0])).verdict == Missing("not_found")
        server.fault = None
        while (await client.verdict(*SAMPLES[0])).verdict == Missing("not_found"):
            pass


async def test_a_replica_that_is_not_there_is_no_reason_to_give_up(connect, truth, monkeypatch):
    monkeypatch.setattr(fleet, "FOR_GOOD_SECONDS", 0.0)
    async with Misbehaving() as one, Misbehaving() as absent:
        absent.fault, one.delay = "404", 0.05
        async with connect(one.url, absent.url) as client:
            assert verdicts(await client.verdicts(SAMPLES)) == truth


@pytest.mark.parametrize("fault", ["500", "closes", "reset"])
async def test_nothing_is_asked_through_a_client_that_was_closed(connect, fault):
    """Checks and batches end before the session does, whenever it is closed."""
    complaints = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(str(context.get("exception") or context["message"])))
    for pause in range(20):
        async with Misbehaving() as one, Misbehaving() as two:
            client = connect(one.url, two.url, deadline_seconds=0.5)
            await client.verdict(*SAMPLES[0])
            one.fault = two.fault = fault
            calls = [asyncio.create_task(client.verdict(*sample)) for sample in SAMPLES]
            await asyncio.sleep(0.01 * pause)
            await client.close()
            await asyncio.gather(*calls)
    # What is never awaited complains when it is collected.
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_faulty_replica_of_three_costs_no_sample(connect, truth, fault):
    async with Misbehaving() as one, Misbehaving() as faulty, Misbehaving() as three:
        faulty.fault = fault
        async with connect(one.url, faulty.url, three.url) as client:
            assert verdicts(await client.verdicts(SAMPLES)) == truth


async def test_a_replica_that_dies_at_work_costs_no_sample(connect, truth):
    async with Misbehaving() as one, Misbehaving() as two, Misbehaving() as three:
        for server in (one, two, three):
            server.delay = 0.05
        async with connect(one.url, two.url, three.url, list_items=2) as client:
            calls = asyncio.create_task(client.verdicts(SAMPLES))
            await until(lambda: two.requests > 1)
            await two.stop()
            assert verdicts(await calls) == truth


async def test_all_dead_and_back_costs_no_sample(connect, truth):
    async with Misbehaving() as server, connect(server.url) as client:
        await client.verdict(*SAMPLES[0])
        await server.stop()
        calls = asyncio.create_task(client.verdicts(SAMPLES))
        await asyncio.sleep(1)
        await server.start()
        assert verdicts(await calls) == truth


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid:80"])
async def test_a_server_that_is_not_there_is_unreachable(connect, url, monkeypatch):
    # As a resolver says it that is there; without one, the machine's would think for as long as it likes.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror(socket.EAI_NONAME, "unknown")))
    async with connect(url, deadline_seconds=0.3) as client:
        await until_known(client, "unreachable")
        assert_missing(await client.verdicts(SAMPLES), "unreachable")


async def test_a_wrong_model_behind_the_port_gives_no_number(connect):
    async with Misbehaving(other_score_of) as server, connect(server.url, deadline_seconds=0.3) as client:
        await until_known(client, "wrong_model")
        assert_missing(await client.verdicts(SAMPLES), "wrong_model")


async def test_a_model_that_changes_between_two_requests_gives_no_number(connect, truth):
    """The connection stays up: only the reference item in the list can tell."""
    async with Misbehaving() as server, connect(server.url, list_items=4, lists_per_worker=1) as client:
        assert verdicts(await client.verdicts(SAMPLES[:8])) == truth[:8]
        server.score = other_score_of
        answered = len(server.lists)
        calls = asyncio.create_task(client.verdicts(SAMPLES))
        await until(lambda: len(server.lists) > answered)
        assert server.lists[-1] > 1
        server.score = score_of
        assert verdicts(await calls) == truth


async def test_a_server_restarted_with_other_weights_gives_no_number(connect, truth):
    async with Misbehaving() as server, connect(server.url, deadline_seconds=0.3) as client:
        while verdicts(await client.verdicts(SAMPLES[:8])) != truth[:8]:
            pass
        await server.stop()
        server.score = other_score_of
        await server.start()
        await until_known(client, "wrong_model")
        assert_missing(await client.verdicts(SAMPLES[8:]), "wrong_model")


async def test_a_random_head_bias_gives_no_number(connect):
    """SGLang draws one when a checkpoint has none: the order is right, every score is off."""
    async with Misbehaving(lambda ids: score_of(ids) + 0.1) as server, connect(server.url, deadline_seconds=0.3) as client:
        await until_known(client, "wrong_model")
        assert_missing(await client.verdicts(SAMPLES), "wrong_model")


@pytest.fixture
def swap(tmp_path, client_dir):
    """A link to the reward model's folder, and what points it at another's, of another input; its right verdicts on `SAMPLES`."""
    link, other = tmp_path / "current", build_client_folder(tmp_path / "other", other_score_of, max_tokens=500)
    link.symlink_to(client_dir)
    rm_input = RMInput.load(other)

    def switch():
        (tmp_path / "new").symlink_to(other)
        (tmp_path / "new").rename(link)

    return link, switch, [Scored(other_score_of(rm_input.build(*sample).ids)) for sample in SAMPLES]


@pytest.mark.parametrize("inline", [0, 4000])
async def test_a_swapped_reward_model_costs_no_sample(swap, truth, inline):
    link, switch, other_truth = swap
    settings = ClientSettings(**QUICK, inline_characters=inline)
    async with Misbehaving() as server, RewardClient(link, [server.url], settings=settings) as client:
        before = await client.verdicts(SAMPLES)
        assert verdicts(before) == truth
        server.score = other_score_of
        answered = len(server.lists)
        calls = asyncio.create_task(client.verdicts([*SAMPLES, (statement(1), answer(99))]))
        # The cache knows the samples of the first model: only the new one waits.
        await until(lambda: len(server.lists) > answered)
        assert not calls.done()
        switch()
        assert isinstance(verdicts(await calls)[-1], Scored)
        after = await client.verdicts(SAMPLES)
        assert verdicts(after) == other_truth
        assert {judged.rm for judged in before}.isdisjoint(judged.rm for judged in after)


async def test_a_swapped_reward_model_is_followed_in_every_event_loop(swap):
    link, switch, other_truth = swap

    async def ask():
        try:
            return await client.verdicts(SAMPLES)
        finally:
            await client.close()

    async with Misbehaving(other_score_of) as server:
        client = RewardClient(link, [server.url], settings=ClientSettings(**QUICK))
        loops = [asyncio.create_task(asyncio.to_thread(asyncio.run, ask())), asyncio.create_task(ask())]
        # Each loop has asked, and been answered by the other model.
        await until(lambda: len(server.lists) > 1)
        switch()
        assert [verdicts(judged) for judged in await asyncio.gather(*loops)] == [other_truth] * 2


async def test_a_folder_that_is_no_reward_model_is_not_followed(swap, tmp_path):
    link, _, _ = swap
    async with Misbehaving() as server, RewardClient(link, [server.url], settings=ClientSettings(**QUICK)) as client:
        await client.verdict(*SAMPLES[0])
        link.unlink()
        link.symlink_to(tmp_path)
        server.score, answered = other_score_of, len(server.lists)
        call = asyncio.create_task(client.verdict(*SAMPLES[1]))
        await until(lambda: len(server.lists) > answered + 1)
        server.score = score_of
        assert isinstance((await call).verdict, Scored)


@pytest.mark.parametrize(("kind", "reason"), [("400", "refused"), ("500", "server_error"), ("nan", "not_finite"), ("reset", "unreachable")])
async def test_one_poisonous_item_costs_itself_and_no_other(connect, truth, token_of, kind, reason):
    async with Misbehaving() as server, connect(server.url, list_items=40) as client:
        server.poison = {token_of(7): kind}
        found = verdicts(await client.verdicts(SAMPLES))
        assert found == [Missing(reason) if i == 7 else verdict for i, verdict in enumerate(truth)]
        server.poison = {}
        assert verdicts(await client.verdicts(SAMPLES)) == truth


async def test_a_refused_item_is_found_by_halving(connect, token_of):
    async with Misbehaving() as server, connect(server.url, list_items=40) as client:
        server.poison = {token_of(7): "400"}
        await client.verdicts(SAMPLES)
        assert server.requests < 30


@pytest.mark.parametrize("fault", ["429", "503"])
async def test_retry_after_is_honoured(connect, truth, fault):
    async with Misbehaving() as server, connect(server.url, request_seconds=30.0) as client:
        await client.verdict(*SAMPLES[0])
        server.fault, server.retry_after, server.requests = fault, "1", 0
        start = perf_counter()
        calls = asyncio.create_task(client.verdicts(SAMPLES[1:2]))  # One, for several may go in several requests.
        await until(lambda: server.faults)
        server.fault = None
        assert verdicts(await calls) == truth[1:2]
        assert perf_counter() - start >= 1
        assert server.requests == 2


@pytest.mark.parametrize("asked", ["86400", "9" * 400, "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_no_server_is_left_alone_for_longer_than_a_minute(asked):
    async with Misbehaving() as server, aiohttp.ClientSession() as session:
        server.fault, server.retry_after = "503", asked
        with pytest.raises(AskError) as caught:
            await ask(session, server.url, CLASSIFY, [[1]])
    assert caught.value.retry_after == 60


async def test_a_connection_that_cannot_be_made_in_time_is_nothing_that_a_batch_may_have_caused():
    """The queue of a listener that nobody serves is full: the kernel answers further connections with silence."""
    timeout = aiohttp.ClientTimeout(total=10, sock_connect=0.2)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        with pytest.raises(AskError) as caught:
            await ask(session, f"http://127.0.0.1:{listener.getsockname()[1]}", CLASSIFY, [[1]])
    assert (caught.value.reason, caught.value.received, caught.value.suspicious) == ("unreachable", False, False)


async def test_a_dead_server_is_not_hammered(connect):
    async with Misbehaving() as server, connect(server.url, deadline_seconds=1, max_backoff_seconds=0.5) as client:
        server.fault = "500"
        await client.verdicts(SAMPLES)
        assert server.requests < 20


async def test_a_router_is_asked_at_its_own_endpoint(connect, truth):
    async with Misbehaving(router=True) as router, connect(router.url) as client:
        assert verdicts(await client.verdicts(SAMPLES)) == truth


async def test_a_router_with_one_wrong_replica_gives_no_wrong_number(connect, truth):
    replicas = 0

    def score(ids):
        return (score_of if replicas % 3 else other_score_of)(ids)

    class Router(Misbehaving):
        async def _misbehave(self, request, batch):
            nonlocal replicas
            replicas += 1
            return await super()._misbehave(request, batch)

    async with Router(score, router=True) as router, connect(router.url, list_items=4) as client:
        assert verdicts(await client.verdicts(SAMPLES)) == truth


async def test_workers_of_a_router_are_asked_directly_and_dead_ones_left_alone(connect, truth):
    async with Misbehaving(router=True) as router, Misbehaving() as one, Misbehaving() as two:
        router.workers = [one.url, "http://127.0.0.1:9", two.url + "/"]
        async with connect(router=router.url) as client:
            assert verdicts(await client.verdicts(SAMPLES)) == truth
        assert one.lists
        assert two.lists
        assert router.lists == []


async def test_workers_may_come_and_go(connect, truth):
    async with Misbehaving(router=True) as router, Misbehaving() as one, Misbehaving() as two, connect(router=router.url) as client:
        calls = asyncio.create_task(client.verdicts(SAMPLES))
        await until(lambda: router.listings > 1)
        assert not calls.done()
        router.workers = [one.url]
        assert verdicts(await calls) == truth
        router.workers, listed = [two.url], router.listings
        # Whoever asks for the second time has read the first answer.
        await until(lambda: router.listings > listed + 1)
        seen = len(one.lists)
        await client.verdict(statement(77), answer(77))
        assert len(one.lists) == seen
        assert two.lists
        await router.stop()
        await asyncio.sleep(0.3)
        assert isinstance((await client.verdict(statement(78), answer(78))).verdict, Scored)


async def test_a_router_without_workers_is_a_reason_of_its_own(connect):
    async with Misbehaving(router=True) as router, connect(router=router.url, deadline_seconds=0.5) as client:
        await until_known(client, "no_worker")
        with pytest.raises(RewardServerError) as caught:
            await client.check()
        assert caught.value.kind == "no_worker"


async def test_check_asks_every_worker_of_a_router(connect):
    async with Misbehaving(router=True) as router, Misbehaving() as one, Misbehaving(other_score_of) as two:
        async with connect(router=router.url, request_seconds=30.0, connect_seconds=30.0) as client:
            router.workers = [one.url]
            await client.check()
            router.workers = [one.url, two.url]
            with pytest.raises(RewardServerError, match=two.url) as caught:
                await client.check()
            assert caught.value.kind == "wrong_model"
        await router.stop()
        async with connect(router=router.url) as client:
            with pytest.raises(RewardServerError, match=router.url):
                await client.check()


async def test_a_dying_preparation_process_costs_its_answer_only(connect, truth, monkeypatch):
    from reward_servers.client import preparation

    code = "import sys, os\nfrom reward_servers import preparing\n"
    dies = "build = preparing.RMInput.build\ndef wrapped(self, statement, response, entry_point):\n    if 'boom' in response: os._exit(1)\n"
    rest = "    return build(self, statement, response, entry_point)\npreparing.RMInput.build = wrapped\npreparing.main()"
    monkeypatch.setattr(preparation, "COMMAND", [preparation.COMMAND[0], "-c", code + dies + rest])
    async with Misbehaving() as server, connect(server.url, inline_characters=0) as client:
        judged = await client.verdicts([*SAMPLES[:5], (statement(1), "boom"), *SAMPLES[5:10]])
    assert verdicts(judged) == [*truth[:5], Missing("preparation_failed"), *truth[5:10]]


async def test_a_preparation_that_hangs_ends_at_the_deadline_and_holds_up_nobody(connect, truth, monkeypatch):
    from reward_servers.client import preparation

    code = "import time\nfrom reward_servers import preparing\nbuild = preparing.RMInput.build\n"
    hangs = "def wrapped(self, statement, response, entry_point):\n    if 'boom' in response: time.sleep(3600)\n"
    rest = "    return build(self, statement, response, entry_point)\npreparing.RMInput.build = wrapped\npreparing.main()"
    monkeypatch.setattr(preparation, "COMMAND", [preparation.COMMAND[0], "-c", code + hangs + rest])
    async with Misbehaving() as server, connect(server.url, inline_characters=0, deadline_seconds=600) as client:
        # Both processes have started when all of several verdicts are there.
        assert verdicts(await client.verdicts(SAMPLES[:5])) == truth[:5]
        patient = client._settings
        monkeypatch.setattr(client, "_settings", patient.model_copy(update={"deadline_seconds": 3}))
        hanging = asyncio.create_task(client.verdict(statement(1), "boom"))
        await asyncio.sleep(0)  # A deadline is read when a verdict is asked for.
        monkeypatch.setattr(client, "_settings", patient)
        judged = await client.verdicts(SAMPLES[5:10])
        assert (await hanging).verdict == Missing("timeout")
        assert isinstance((await client.verdict(statement(9), answer(9))).verdict, Scored)
    assert verdicts(judged) == truth[5:10]

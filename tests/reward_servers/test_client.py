"""The reward client against a server that counts: what is asked, how often, together with what, and what comes back."""

import asyncio
import shutil
import signal
import threading

import pytest
from misbehaving import Misbehaving, other_score_of, score_of
from pydantic import ValidationError
from tiny_rm import answer, program, statement
from waiting import until

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.rm_input import RMInput
from code_reward.verdict import Missing, Rejected, Scored
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.client.preparation import Preparation

QUICK = {"deadline_seconds": 600.0, "request_seconds": 60.0, "backoff_seconds": 0.01, "max_backoff_seconds": 0.05}


@pytest.fixture
async def server():
    async with Misbehaving() as server:
        yield server


@pytest.fixture
def connect(client_dir):
    """Makes clients with quick settings."""
    return lambda *urls, **options: RewardClient(client_dir, urls, settings=ClientSettings(**QUICK | options))


def expected(client_dir, text, code):
    return Scored(score_of(RMInput.load(client_dir).encode(text, code).ids))


async def verdicts_at_once(client, server, answers):
    """The verdicts where all answers are queued before the first request goes out, however slowly they were prepared."""
    server.open.clear()
    calls = asyncio.create_task(client.verdicts(answers))
    flights = client._here().engine._flights
    await until(lambda: sum(item.waiters for item in flights.values()) == len(answers))
    server.open.set()
    return await calls


def own_lists(server):
    """The sizes of the lists after the first check, without the riders."""
    return [size - 1 for size in server.lists[1:]]


async def test_a_verdict_is_the_servers_score_of_the_extracted_program(connect, client_dir, server):
    async with connect(server.url) as client:
        judged = await client.verdict(statement(1), f"Sure:\n{answer(1)}\nDone.", "add_1")
    assert judged.verdict == expected(client_dir, statement(1), program(1))
    assert (judged.cut, judged.cached) == (0, False)
    assert judged.seconds > 0
    assert len(judged.rm) == 12


async def test_a_rejected_answer_needs_no_server(connect):
    async with connect("http://127.0.0.1:9") as client:
        no_code, unparsable, absent = await client.verdicts(
            [("s", "I do not know."), ("s", "```python\ndef f(:\n```"), ("s", answer(1), "other_name")]
        )
    assert [type(judged.verdict) for judged in (no_code, unparsable, absent)] == [Rejected] * 3
    assert no_code.verdict == Rejected("no_code")


async def test_concurrent_answers_travel_in_lists_with_one_reference_item_each(connect, client_dir, server):
    samples = [(statement(i), answer(i)) for i in range(40)]
    async with connect(server.url, list_items=16) as client:
        judged = await verdicts_at_once(client, server, samples)
    assert [j.verdict for j in judged] == [expected(client_dir, statement(i), program(i)) for i in range(40)]
    assert own_lists(server) == [16, 16, 8]


async def test_a_list_keeps_the_token_budget(connect, client_dir, server):
    length = len(RMInput.load(client_dir).encode(statement(10), program(10)).ids)
    async with connect(server.url, list_tokens=3 * length + 5) as client:
        await verdicts_at_once(client, server, [(statement(i), answer(i)) for i in range(10, 22)])
    assert sum(own_lists(server)) == 12
    assert max(own_lists(server)) <= 3


async def test_a_group_travels_together_although_groups_arrive_mixed(connect, client_dir, server):
    rm_input = RMInput.load(client_dir)
    samples = [(statement(group), answer(100 + group * 10 + i)) for i in range(8) for group in range(3)]
    async with connect(server.url, list_items=8) as client:
        await verdicts_at_once(client, server, samples)
    group_of = {tuple(rm_input.build(*sample).ids): sample[0] for sample in samples}
    scored = [group_of[ids] for ids in server.scored if ids in group_of]
    assert scored == [statement(group) for group in range(3) for _ in range(8)]


async def test_identical_programs_are_scored_once_in_flight_and_ever_after(connect, server):
    group = [(statement(1), f"Answer {i}:\n{answer(i % 4)}") for i in range(16)]
    async with connect(server.url) as client:
        first = await verdicts_at_once(client, server, group)
        again = await client.verdicts(group)
    assert own_lists(server) == [4]
    assert [j.verdict for j in first] == [j.verdict for j in again]
    assert sum(not j.cached for j in first) == 4
    assert all(j.cached for j in again)


async def test_the_same_program_for_another_problem_is_another_input(connect, server):
    async with connect(server.url) as client:
        one, two = await client.verdicts([(statement(1), answer(1)), (statement(2), answer(1))])
    assert one.verdict != two.verdict


async def test_the_cache_forgets_the_least_recently_used_and_can_be_off(connect, server):
    async with connect(server.url, cache_items=2) as client:
        for i in (1, 2, 1, 3):
            await client.verdict(statement(i), answer(i))
        assert (await client.verdict(statement(1), answer(1))).cached
        assert not (await client.verdict(statement(2), answer(2))).cached
    async with connect(server.url, cache_items=0) as client:
        await client.verdict(statement(1), answer(1))
        assert not (await client.verdict(statement(1), answer(1))).cached


async def test_requests_in_flight_are_bounded(connect, server):
    server.delay = 0.02
    async with connect(server.url, list_items=2, lists_per_worker=3) as client:
        await client.verdicts([(statement(i), answer(i)) for i in range(60)])
    assert server.most_at_once == 3


async def test_the_less_busy_worker_is_asked(connect, server):
    async with Misbehaving() as slow, connect(server.url, slow.url, list_items=1, lists_per_worker=2) as client:
        calls = asyncio.create_task(client.verdicts([(statement(i), answer(i)) for i in range(30)]))
        await until(lambda: slow.lists)
        slow.open.clear()
        await until(lambda: sum(own_lists(server)) + sum(own_lists(slow)) >= 28)
        slow.open.set()
        await calls
    assert sum(own_lists(slow)) < 10
    assert sum(own_lists(slow)) + sum(own_lists(server)) == 30


async def test_long_answers_are_prepared_elsewhere_with_the_same_result(connect, client_dir, server):
    reasoning = "<think>\n" + "Let me think about negative numbers. " * 2000 + "\n</think>\n"
    async with connect(server.url) as client:
        short, long, rejected = await client.verdicts(
            [(statement(1), answer(1)), (statement(2), reasoning + answer(2)), (statement(3), reasoning + "No idea.")]
        )
    assert short.verdict == expected(client_dir, statement(1), program(1))
    assert long.verdict == expected(client_dir, statement(2), program(2))
    assert rejected.verdict == Rejected("no_code")


async def test_odd_text_survives_the_way_to_another_process(connect, client_dir, server):
    code = "def f():\n    return 'é\\n\u2028 \U0001f600'"
    text = "Statement with \x00, \u2028, a lone \udfff and a\nnew line."
    async with connect(server.url, inline_characters=0) as client:
        judged = await client.verdict(text, f"A lone \ud800 first.\n```python\n{code}\n```")
    assert judged.verdict == expected(client_dir, text, code)


async def test_a_statement_that_was_cut_is_reported(connect, server):
    async with connect(server.url) as client:
        judged = await client.verdict("Add the numbers. " * 400, answer(1))
    assert isinstance(judged.verdict, Scored)
    assert judged.cut > 0


def test_one_client_serves_several_event_loops_at_once_and_one_after_the_other(client_dir):
    serving = asyncio.new_event_loop()
    thread = threading.Thread(target=serving.run_forever)
    thread.start()
    server = Misbehaving()
    asyncio.run_coroutine_threadsafe(server.start(), serving).result(60)
    client = RewardClient(client_dir, [server.url], settings=ClientSettings(**QUICK))
    verdicts = {}

    async def ask(name):
        verdicts[name] = [j.verdict for j in await client.verdicts([(statement(i), answer(i)) for i in range(20)])]
        await client.close()

    try:
        threads = [threading.Thread(target=asyncio.run, args=(ask(name),)) for name in range(3)]
        for other in threads:
            other.start()
        for other in threads:
            other.join()
        asyncio.run(ask("later"))
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), serving).result(60)
        serving.call_soon_threadsafe(serving.stop)
        thread.join()
        serving.close()
    assert list(verdicts.values()) == [[expected(client_dir, statement(i), program(i)) for i in range(20)]] * 4


async def test_a_cancelled_verdict_leaves_the_others_alone(connect, server):
    server.open.clear()
    async with connect(server.url) as client:
        calls = [asyncio.create_task(client.verdict(statement(1), answer(1))) for _ in range(3)]
        await until(lambda: server.requests)
        calls[0].cancel()
        server.open.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(isinstance(judged.verdict, Scored) for judged in results[1:])


async def test_what_nobody_waits_for_any_more_is_not_sent(connect, server):
    server.delay = 0.1
    async with connect(server.url, list_items=1, lists_per_worker=1) as client:
        calls = [asyncio.create_task(client.verdict(statement(i), answer(i))) for i in range(10)]
        await asyncio.sleep(0.25)
        for call in calls[1:]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.3)
    assert sum(own_lists(server)) < 5


async def test_closing_answers_whoever_waits(connect, server):
    server.fault = "hang"
    client = connect(server.url)
    waiting = asyncio.create_task(client.verdict(statement(1), answer(1)))
    preparing = asyncio.create_task(client.verdict(statement(1), "x " * 100_000 + answer(1)))
    await asyncio.sleep(0.02)  # Long enough to send, too short for a process to start and answer.
    await client.close()
    assert [(await call).verdict for call in (waiting, preparing)] == [Missing("closed")] * 2


async def test_a_process_that_starts_while_the_client_is_closed_is_ended(connect, server, monkeypatch):
    begun, closed, started, start = asyncio.Event(), asyncio.Event(), [], Preparation._start

    async def start_slowly(self):
        begun.set()
        await closed.wait()
        started.append(await start(self))
        return started[0]

    monkeypatch.setattr(Preparation, "_start", start_slowly)
    client = connect(server.url)
    preparing = asyncio.create_task(client.verdict(statement(1), "x " * 100_000 + answer(1)))
    await begun.wait()
    await client.close()
    closed.set()
    assert (await preparing).verdict == Missing("closed")
    assert await started[0].wait() == -signal.SIGKILL


async def test_check_says_which_server_is_off_and_how(connect, server):
    async with connect(server.url) as client:
        await client.check()
    async with Misbehaving(other_score_of) as other, connect(server.url, other.url) as client:
        with pytest.raises(RewardServerError, match=f"{other.url}.*reference item") as caught:
            await client.check()
        assert caught.value.kind == "wrong_model"
    async with connect("http://127.0.0.1:9") as client:
        with pytest.raises(RewardServerError) as caught:
            await client.check()
        assert caught.value.kind == "unreachable"


@pytest.mark.parametrize(("urls", "router"), [((), None), (("http://a",), "http://b"), (("localhost:80",), None), ((), "b")])
def test_wrong_addresses_are_refused_at_once(client_dir, urls, router):
    with pytest.raises(ConfigurationError):
        RewardClient(client_dir, urls, router=router)


def test_a_folder_that_is_no_reward_models_is_refused_at_once(tmp_path, client_dir):
    with pytest.raises(ConfigurationError):
        RewardClient(tmp_path, ["http://a"])
    folder = shutil.copytree(client_dir, tmp_path / "rm")
    (folder / "reference_scores.json").unlink()
    with pytest.raises(ConfigurationError):
        RewardClient(folder, ["http://a"])


@pytest.mark.parametrize("wrong", [{"deadline": 3}, {"deadline_seconds": 0}, {"list_items": 0}, {"lists_per_worker": "many"}])
def test_wrong_settings_are_refused_at_once(wrong):
    with pytest.raises(ValidationError):
        ClientSettings(**wrong)


async def test_the_embedded_server_gives_its_scores_through_the_client(rm_dir, server_url):
    from reward_servers.scorer import Scorer

    rm_input = RMInput.load(rm_dir)
    samples = [(statement(i % 3), answer(i)) for i in range(24)]
    async with RewardClient(rm_dir, [server_url]) as client:
        await client.check()
        judged = await client.verdicts(samples)
    expected = Scorer(rm_dir).score([rm_input.build(*sample).ids for sample in samples])
    assert [j.verdict.value for j in judged] == pytest.approx(expected, abs=1e-4)

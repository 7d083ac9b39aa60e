import asyncio
import json
import time

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import ConfigurationError, SandboxError
from data_prep.llm import LLM, Budget, Endpoint, Ledger, LLMError, Prompt, Request, RunStopped
from data_prep.llm.fleet import Fleet
from data_prep.llm.probe import require_answers
from data_prep.llm.prompt import FOLDER, fenced, prompt
from data_prep.llm.request import Sampling

pytestmark = pytest.mark.usefixtures("short_rests")


def request(prompt="2 + 2?", role="policy"):
    return Request(role=role, prompt=prompt, template="test@0")


def completion(text="4", model="m", **more):
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "model": model, "usage": {"prompt_tokens": 3, "completion_tokens": 2}, **more}


class Server:
    """An endpoint that answers as `script` says, one entry per request, the last one for ever; an entry is a JSON body or a function."""

    def __init__(self, *script):
        self.script = list(script)
        self.bodies = []
        self.busy = self.busiest = 0

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _answer(self, incoming):
        self.bodies.append(await incoming.json())
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        try:
            return web.json_response(entry) if isinstance(entry, dict) else await entry(incoming)
        finally:
            self.busy -= 1

    def endpoint(self, **settings):
        return Endpoint(**{"url": self.url, "model": "m", "timeout_seconds": 5, **settings})


def status(code, **headers):
    async def answer(_):
        return web.Response(status=code, text="no", headers=headers)

    return answer


async def hang(_):
    await asyncio.sleep(8)


async def half_json(_):
    return web.Response(text=json.dumps(completion())[:40], content_type="application/json")


async def cut_connection(incoming):
    incoming.transport.close()
    return web.Response()


async def slow(_):
    await asyncio.sleep(0.05)
    return web.json_response(completion())


async def test_an_answer_comes_with_its_model_and_its_tokens():
    async with Server(completion()) as server, LLM([server.endpoint()]) as llm:
        reply = await llm.ask(Request(role="policy", prompt="hi", template="t", sampling=Sampling(temperature=0.5, max_tokens=7)))
    assert (reply.text, reply.model, reply.tokens, reply.counted) == ("4", "m", 5, True)
    assert server.bodies == [{"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5, "max_tokens": 7}]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (status(429), "rate_limited"),
        (status(500), "server_error"),
        (status(503), "unreachable"),
        (status(404), "no_such_model"),
        (half_json, "malformed"),
        ({"choices": []}, "malformed"),
        ({"choices": [{"message": {"content": ["no", "text"]}}]}, "malformed"),
        ({"error": {"message": "busy"}}, "malformed"),
        (cut_connection, "unreachable"),
        (hang, "timeout"),
    ],
)
async def test_a_passing_trouble_is_counted_and_mended_by_asking_again(trouble, kind):
    seconds = 5.0 if trouble is hang else 60.0
    async with Server(trouble, completion()) as server, LLM([server.endpoint(timeout_seconds=seconds)]) as llm:
        assert (await llm.ask(request())).text == "4"
    assert llm.troubles == {kind: 1}
    assert llm.budget.calls == 1


@pytest.mark.parametrize("trouble", [half_json, status(500)])
async def test_a_lasting_bad_answer_ends_in_a_typed_error_and_costs_nothing(trouble):
    async with Server(trouble) as server, LLM([server.endpoint()]) as llm:
        with pytest.raises(LLMError, match=server.url) as error:
            await llm.ask(request())
    assert error.value.kind in ("malformed", "server_error")
    assert (len(server.bodies), llm.budget.calls) == (4, 0)


async def test_an_answer_is_text_that_a_file_can_keep():
    async with Server(completion("4 \ud83d!")) as server, LLM([server.endpoint()]) as llm:
        assert (await llm.ask(request())).text == "4 ?!"


async def test_a_request_that_is_refused_is_not_asked_again():
    async with Server(status(400)) as server, LLM([server.endpoint()]) as llm:
        with pytest.raises(LLMError) as error:
            await llm.ask(request())
    assert error.value.kind == "refused"
    assert len(server.bodies) == 1


async def test_a_wrong_key_stops_the_run():
    async with Server(status(401)) as server, LLM([server.endpoint(concurrency=1)]) as llm:
        with pytest.raises(RunStopped, match="401"):
            await llm.ask(request())
        waiting = await asyncio.gather(*(llm.ask(request(str(number))) for number in range(5)), return_exceptions=True)
    assert [type(one) for one in waiting] == [RunStopped] * 5
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("trouble", "said"), [(status(401), "answered 401: no"), (status(404), "answered 404: no"), (half_json, "no chat completion")]
)
async def test_an_endpoint_that_will_never_answer_is_told_before_the_start_in_its_own_words(trouble, said):
    async with Server(trouble) as bad, Server(completion()) as good:
        with pytest.raises(ConfigurationError, match=said):
            await require_answers([good.endpoint(), bad.endpoint(role="judge")])


async def test_before_the_start_one_that_is_away_stops_nothing_while_another_serves_its_role(unused_tcp_port):
    away = Endpoint(url=f"http://127.0.0.1:{unused_tcp_port}/v1", model="m")
    async with Server(completion()) as server:
        await require_answers([away, server.endpoint()])
        assert [body["max_tokens"] for body in server.bodies] == [1]
        with pytest.raises(ConfigurationError, match="No endpoint for the judge answers"):
            await require_answers([away.model_copy(update={"role": "judge"}), server.endpoint(role="policy")])


async def test_an_endpoint_that_is_away_is_waited_for_and_patience_ends(unused_tcp_port):
    gone = Endpoint(url=f"http://127.0.0.1:{unused_tcp_port}/v1", model="m")
    async with LLM([gone], patience_seconds=1.0) as llm:
        began = time.monotonic()
        with pytest.raises(LLMError) as error:
            await llm.ask(request())
    assert error.value.kind == "unreachable"
    assert time.monotonic() - began > 0.9


async def test_another_endpoint_takes_over(unused_tcp_port):
    gone = Endpoint(url=f"http://127.0.0.1:{unused_tcp_port}/v1", model="m")
    async with Server(completion()) as server, LLM([gone, server.endpoint()]) as llm:
        replies = await asyncio.gather(*(llm.ask(request(str(number))) for number in range(20)))
    assert len(replies) == 20


async def test_another_model_behind_the_same_name_is_not_mixed_in():
    async with Server(completion(), completion(model="other"), completion()) as server, LLM([server.endpoint()]) as llm:
        models = [(await llm.ask(request())).model for _ in range(2)]
    assert models == ["m", "m"]
    assert llm.troubles == {"model_changed": 1}


async def test_concurrency_is_used_and_kept():
    async with Server(slow) as server, LLM([server.endpoint(concurrency=5)]) as llm:
        await asyncio.gather(*(llm.ask(request(str(number))) for number in range(40)))
    assert server.busiest == 5


async def test_a_place_that_is_free_in_the_very_turn_in_which_its_waiters_time_is_up_is_not_lost(monkeypatch):
    monkeypatch.setattr("data_prep.llm.fleet._LONGEST_REST", 30.0)  # Nobody looks again unasked.
    fleet, loop = Fleet([Endpoint(url="http://127.0.0.1:1/v1", model="m", concurrency=1)]), asyncio.get_running_loop()
    start = loop.time()
    station = await fleet.take("judge", start + 60)
    hurried = asyncio.create_task(fleet.take("judge", start + 1.0, urgency=1.0))
    patient = asyncio.create_task(fleet.take("judge", start + 60))
    loop.call_at(start + 0.5, fleet.give_back, station)
    await asyncio.sleep(0)
    time.sleep(1.2)  # noqa: ASYNC251 - both moments pass in one turn of the loop.
    assert await hurried is station
    fleet.give_back(station)
    assert await asyncio.wait_for(patient, 60) is station


async def test_each_role_is_answered_by_its_own_endpoints():
    async with Server(completion("p")) as one, Server(completion("j")) as two:
        async with LLM([one.endpoint(role="policy", concurrency=1), two.endpoint(role="judge", concurrency=1)]) as llm:
            replies = await asyncio.gather(*(llm.ask(request(role=role)) for role in ["policy", "judge"] * 10))
        assert [reply.text for reply in replies] == ["p", "j"] * 10
        async with LLM([one.endpoint(role="policy")]) as llm:
            with pytest.raises(ConfigurationError, match="judge"):
                await llm.ask(request(role="judge"))


async def test_a_spent_budget_stops_before_the_call_and_counts_answers_without_usage():
    no_usage = completion()
    del no_usage["usage"]
    async with Server(completion(), no_usage) as server, LLM([server.endpoint()], Budget(max_calls=2)) as llm:
        await llm.ask(request())
        await llm.ask(request())
        with pytest.raises(RunStopped, match="max-calls") as error:
            await llm.ask(request())
    assert error.value.kind == "budget_spent"
    assert (len(server.bodies), llm.budget.uncounted) == (2, 1)
    async with Server(completion()) as server, LLM([server.endpoint()], Budget(max_tokens=5)) as llm:
        await llm.ask(request())
        with pytest.raises(RunStopped, match="max-tokens"):
            await llm.ask(request())


async def test_calls_under_way_together_do_not_pass_the_budget():
    async with Server(slow) as server, LLM([server.endpoint()], Budget(max_calls=3)) as llm:
        results = await asyncio.gather(*(llm.ask(request()) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, RunStopped) for result in results) == 7
    assert len(server.bodies) == 3


def test_a_key_comes_from_the_environment_only(monkeypatch):
    endpoint = Endpoint(url="http://x", model="m", api_key_variable="SOME_KEY")
    with pytest.raises(ConfigurationError, match="SOME_KEY"):
        endpoint.headers()
    monkeypatch.setenv("SOME_KEY", "secret")
    assert endpoint.headers() == {"Authorization": "Bearer secret"}
    assert "secret" not in endpoint.model_dump_json()


# Prompts


def test_braces_and_fences_of_a_program_cannot_break_a_prompt():
    program = "x = {'{{ statement }}': '{% raw %}'}\n# ```\n# ````\n"
    text = prompt("judge").request("judge", Sampling(), statement="S", program=program, trace="").prompt
    assert program in text
    assert "`````python\n" + program + "`````" in text


@given(st.text())
def test_a_fenced_text_cannot_close_its_fence(text):
    first, *inside, last = fenced(text, "t").split("\n")
    fence = first.removesuffix("t")
    assert last == fence
    assert "\n".join(inside).rstrip("\n") == text.rstrip("\n")
    assert fence not in text


def test_a_changed_template_is_another_version(tmp_path, monkeypatch):
    monkeypatch.setattr("data_prep.llm.prompt.FOLDER", tmp_path)
    (tmp_path / "a.jinja").write_text("{{ x }}")
    one = Prompt("a")
    (tmp_path / "a.jinja").write_text("{{ x }}!")
    assert one.version != Prompt("a").version
    assert one.request("policy", Sampling(), x="{{ y }}").prompt == "{{ y }}"
    with pytest.raises(ConfigurationError, match="x"):
        one.request("policy", Sampling())
    with pytest.raises(ConfigurationError, match=r"b\.jinja"):
        Prompt("b")


def test_every_template_of_ours_can_be_filled():
    attempt = {"program": "p", "trace": "t", "review": "r"}
    values = {"statement": "s", "program": "p", "trace": "t", "prefix": "x", "entry_point": "f", "starter_code": "c", "prints": True}
    names = [path.stem for path in FOLDER.glob("*.jinja")]
    assert len(names) >= 6
    for name in names:
        assert prompt(name).request("policy", Sampling(), **values, attempt=attempt).template.startswith(name + "@")


# The ledger


def answers(*values):
    rest = iter(values)

    async def produce():
        return {"text": next(rest)}

    return produce


async def test_what_was_paid_is_not_asked_again_whatever_the_order_of_scopes(tmp_path):
    produce = answers("a0", "a1", "b0")
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        one, two = ledger.scope("t#1"), ledger.scope("t#2")
        assert [await one.once("d", produce), await one.once("d", produce)] == [{"text": "a0"}, {"text": "a1"}]
        assert await two.once("d", produce) == {"text": "b0"}
    with Ledger(tmp_path / "calls.jsonl", replay=True) as ledger:
        one, two = ledger.scope("t#1"), ledger.scope("t#2")
        assert await two.once("d", answers()) == {"text": "b0"}
        assert [(await one.once("d", answers()))["text"] for _ in range(2)] == ["a0", "a1"]
        with pytest.raises(LLMError) as error:
            await one.once("d", answers("new"))
        assert error.value.kind == "not_recorded"


async def test_occurrences_are_counted_when_asked_not_when_awaited(tmp_path):
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        scope = ledger.scope("s")
        first, second = scope.once("d", answers("first")), scope.once("d", answers("second"))
        await second, await first
        again = ledger.scope("s")
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        again = ledger.scope("s")
        assert (await again.once("d", answers()))["text"] == "first"


@pytest.mark.parametrize("error", [LLMError("down", kind="timeout"), SandboxError("no workers")])
async def test_a_call_that_failed_fails_again_in_a_replay(tmp_path, error):
    async def fail():
        raise error

    with Ledger(tmp_path / "calls.jsonl") as ledger, pytest.raises(type(error)):
        await ledger.scope("s").once("d", fail)
    with Ledger(tmp_path / "calls.jsonl", replay=True) as ledger, pytest.raises(type(error)) as again:
        await ledger.scope("s").once("d", answers())
    assert (str(again.value), again.value.kind) == (str(error), error.kind)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (LLMError("down", kind="unreachable"), True),
        (LLMError("late", kind="timeout"), True),
        (SandboxError("no workers"), True),
        (LLMError("too long", kind="refused"), False),
    ],
)
async def test_a_run_that_goes_on_asks_again_where_the_failure_was_ours_and_a_replay_gives_the_last_answer(tmp_path, error, again):
    async def fail():
        raise error

    with Ledger(tmp_path / "calls.jsonl") as ledger, pytest.raises(type(error)):
        await ledger.scope("s").once("d", fail)
    for replay in (False, True):
        with Ledger(tmp_path / "calls.jsonl", replay=replay) as ledger:
            if again:
                assert await ledger.scope("s").once("d", answers("mended")) == {"text": "mended"}
            else:
                with pytest.raises(LLMError, match="too long"):
                    await ledger.scope("s").once("d", answers())


async def test_what_stops_the_run_is_no_outcome(tmp_path):
    async def stop():
        raise RunStopped("spent", kind="budget_spent")

    with Ledger(tmp_path / "calls.jsonl") as ledger:
        with pytest.raises(RunStopped):
            await ledger.scope("s").once("d", stop)
        assert await ledger.scope("s").once("d", answers("later")) == {"text": "later"}


async def test_only_wanted_scopes_are_held(tmp_path):
    with Ledger(tmp_path / "calls.jsonl") as ledger:
        for name in ("old", "new"):
            await ledger.scope(name).once("d", answers(name))
    with Ledger(tmp_path / "calls.jsonl", wanted=lambda scope: scope == "new") as ledger:
        assert (ledger.find("old", "d/0"), ledger.find("new", "d/0")) == (None, {"text": "new"})
        ledger.forget("new")
        assert ledger.find("new", "d/0") is None

"""The rewards: the right number for every sample, and never a number for what is missing."""

import asyncio
import math
import threading
from concurrent.futures.process import BrokenProcessPool

import pytest
from code_reward_slime import judges, judging
from code_reward_slime.connections import reward_client
from code_reward_slime.refusal import Refusal
from code_reward_slime.rewards import hybrid_reward, model_reward, unit_test_reward
from code_reward_slime.samples import is_missing
from code_reward_slime.settings import read_settings
from misbehaving import score_of
from slime_samples import Status, make_args, make_sample
from tiny_rm import answer, program, statement
from waiting import until, until_known

from code_reward.rm_input import RMInput
from code_reward.shaping import PRESETS, Preset, shape
from code_reward.verdict import Scored

TESTS = [{"kind": "asserts", "code": "assert add_1(1, 2) == 4"}, {"kind": "asserts", "code": "assert add_1(0, 0) == 1"}]
WRONG = "```python\ndef add_1(a, b):\n    return a + b + 1 - a * b\n```"


def with_tests(i=1, tests=TESTS, **given):
    sample = make_sample(i, **given)
    sample.metadata["tests"] = tests
    return sample


def score(client_dir, i, text=None):
    return score_of(RMInput.load(client_dir).encode(text or statement(i), program(i)).ids)


async def test_the_reward_is_the_shaped_score_of_the_extracted_program(settings, client_dir):
    sample = make_sample(1, response=f"<think>\nHm.\n</think>\n{answer(1)}<|im_end|>")
    reward = await model_reward(make_args(**settings), sample)
    assert reward == shape(Scored(score(client_dir, 1)))
    record = sample.metadata["code_reward"]
    assert (record["verdict"], record["reason"], record["score"], record["shaped"]) == ("scored", None, score(client_dir, 1), reward)
    assert (record["cut"], record["cached"], record["statement"], record["terms"]) == (False, False, "metadata", {})
    assert record["seconds"] > 0
    assert len(record["rm"]) == 12
    assert not sample.remove_sample


async def test_a_list_gives_a_list_in_order_and_one_sample_a_number(settings, client_dir):
    args = make_args(**settings)
    rewards = await model_reward(args, [make_sample(i) for i in range(20)])
    assert rewards == [shape(Scored(score(client_dir, i))) for i in range(20)]
    assert await model_reward(args, []) == []
    assert [await model_reward(args, make_sample(i)) for i in range(3)] == rewards[:3]


async def test_samples_of_a_list_may_share_their_metadata(settings):
    shared = make_sample(1).metadata
    turns = [make_sample(1, metadata=shared), make_sample(1, response="none", metadata=shared)]
    await model_reward(make_args(**settings), turns)
    assert [turn.metadata["code_reward"]["verdict"] for turn in turns] == ["scored", "rejected"]


async def test_the_statement_is_parsed_from_the_prompt_where_the_metadata_has_none(settings, client_dir):
    sample = make_sample(2, metadata={})
    await model_reward(make_args(**settings), sample)
    assert sample.metadata["code_reward"]["score"] == score(client_dir, 2)
    assert sample.metadata["code_reward"]["statement"] == "prompt"


async def test_without_any_statement_the_verdict_is_missing(settings, server):
    sample = make_sample(1, prompt="", metadata={})
    await model_reward(make_args(**settings), sample)
    assert sample.metadata["code_reward"]["reason"] == "no_statement"
    assert server.scored == []


async def test_reward_keys_are_in_every_reward_if_and_only_if_there_is_one(settings):
    args = make_args(**settings, reward_key="code", eval_reward_key="held_out", log_reward_category="kind")
    samples = [make_sample(1), make_sample(1, response="no"), make_sample(1, status=Status.ABORTED)]
    rewards = await model_reward(args, samples)
    assert [set(reward) for reward in rewards] == [{"code", "held_out", "kind"}] * 3
    assert [reward["code"] for reward in rewards] == [reward["held_out"] for reward in rewards]
    assert [reward["kind"] for reward in rewards] == ["scored", "no_code", "aborted"]
    alone = await model_reward(make_args(**settings, eval_reward_key="held_out"), make_sample(1))
    assert alone["held_out"] == alone == rewards[0]["code"], "slime reads it both ways"


@pytest.mark.parametrize("reward", [model_reward, unit_test_reward, hybrid_reward])
@pytest.mark.parametrize("args", [make_args(), type("Bare", (), {})()])
async def test_a_rejected_answer_needs_no_server_no_settings_and_no_other_hook(reward, args):
    sample = with_tests(response="I do not know.")
    value = await reward(args, sample)
    assert type(value) is float
    assert math.isfinite(value)
    assert sample.metadata["code_reward"]["reason"] == "no_code"
    assert not sample.remove_sample


async def test_a_reason_of_the_shaping_reaches_the_reward(settings):
    args = make_args(**settings, code_reward_shaping="raw", code_reward_rejected=-3.0)
    assert await model_reward(args, make_sample(1, response="no")) == -3.0


@pytest.mark.parametrize(
    ("status", "verdict", "reason"),
    [
        (Status.ABORTED, "missing", "aborted"),
        (Status.FAILED, "missing", "generation_failed"),
        (Status.TRUNCATED, "rejected", "truncated"),
        (Status.COMPLETED, "scored", None),
        (Status.PENDING, "scored", None),
    ],
)
async def test_how_a_generation_ended_decides_first(settings, server, status, verdict, reason):
    sample = make_sample(1, status=status)
    await model_reward(make_args(**settings), sample)
    record = sample.metadata["code_reward"]
    assert (record["verdict"], record["reason"]) == (verdict, reason)
    assert sample.remove_sample == (verdict == "missing")
    assert (server.requests > 0) == (verdict == "scored")


@pytest.mark.parametrize(
    ("response", "verdict"),
    [
        (f"{answer(1)}\nThis adds", "scored"),
        (answer(1).removesuffix("```"), "rejected"),
        (program(1), "rejected"),
        ("<think>\nFirst I", "rejected"),
        (f"{answer(1)}\n```python\ndef add_1(a, b):\n    ret", "rejected"),
        ("x" * 3_000 + f"\n\n{answer(1)}", "scored"),
    ],
)
async def test_a_truncated_answer_is_judged_only_if_its_program_is_closed(settings, response, verdict):
    sample = make_sample(1, response=response, status=Status.TRUNCATED)
    await model_reward(make_args(**settings, code_reward_truncated="judge"), sample)
    record = sample.metadata["code_reward"]
    assert (record["verdict"], record["reason"]) == (verdict, "truncated" if verdict == "rejected" else None)


async def test_a_missing_verdict_is_a_placeholder_out_of_the_loss_with_its_reason(settings, server):
    server.fault = "500"
    settings["code_reward_client"] = {**settings["code_reward_client"], "deadline_seconds": 1.0}
    args = make_args(**settings)
    await until_known(await reward_client(args, read_settings(args)), "server_error")
    sample = make_sample(1)
    assert await model_reward(args, sample) == 0.0
    assert sample.remove_sample
    record = sample.metadata["code_reward"]
    assert (record["verdict"], record["reason"], record["score"], record["shaped"], record["terms"]) == (
        "missing",
        "server_error",
        None,
        None,
        {},
    )


async def test_a_sample_that_is_judged_again_is_back_in_the_loss(settings):
    args = make_args(**settings)
    sample = make_sample(1, status=Status.ABORTED)
    await model_reward(args, sample)
    assert sample.remove_sample
    sample.status = Status.COMPLETED
    await model_reward(args, sample)
    assert not sample.remove_sample


async def test_a_sample_that_somebody_else_removed_stays_removed(settings):
    sample = make_sample(1, remove_sample=True)
    await model_reward(make_args(**settings), sample)
    assert sample.remove_sample


class State:
    aborted = True


@pytest.fixture
def slime_aborts(monkeypatch):
    """slime has its batch and throws the rest away; call it to begin."""
    from slime.rollout.sglang_rollout import GenerateState

    return lambda: monkeypatch.setitem(GenerateState._instances, GenerateState, State())


async def test_when_slime_aborts_surplus_samples_are_not_sent(settings, server, slime_aborts):
    slime_aborts()
    sample = make_sample(1)
    assert await model_reward(make_args(**settings), sample) == 0.0
    assert sample.metadata["code_reward"]["reason"] == "aborted"
    assert server.requests == 0


async def test_when_slime_begins_to_abort_verdicts_in_flight_are_given_up(settings, server, slime_aborts):
    server.fault = "hang"
    settings["code_reward_client"] = {**settings["code_reward_client"], "request_seconds": 600.0}
    samples = [make_sample(i) for i in range(10)]
    waiting = asyncio.create_task(model_reward(make_args(**settings), samples))
    await until(lambda: server.requests)
    assert not waiting.done()
    slime_aborts()
    await waiting
    assert {sample.metadata["code_reward"]["reason"] for sample in samples} == {"aborted"}


async def test_with_partial_rollout_finished_answers_get_their_verdict_although_slime_aborts(settings, slime_aborts):
    slime_aborts()
    sample = make_sample(1)
    sample.reward = await model_reward(make_args(**settings, partial_rollout=True), sample)
    assert not is_missing(sample)


async def test_a_cancelled_reward_is_cancelled(settings, server):
    server.fault = "hang"
    waiting = asyncio.create_task(model_reward(make_args(**settings), make_sample(1)))
    await until(lambda: server.requests)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_bug_in_a_judge_is_a_missing_verdict_not_a_crash(settings, monkeypatch):
    monkeypatch.setattr(judges, "task_of", lambda sample: 1 / 0)
    sample = make_sample(1)
    assert await model_reward(make_args(**settings), sample) == 0.0
    assert sample.metadata["code_reward"]["reason"] == "reward_failed"


async def test_what_fails_beside_the_judge_is_a_missing_verdict_too(settings, monkeypatch):
    """Turns are extracted from in processes that may die; a plugin's preset may make no number of a score."""

    async def die(*_):
        raise BrokenProcessPool("died")

    monkeypatch.setattr(judging, "extract", die)
    turns = [make_sample(1, rollout_id=1), make_sample(1, rollout_id=1)]
    assert await model_reward(make_args(**settings), turns) == [0.0, 0.0]
    assert [(turn.metadata["code_reward"]["reason"], turn.remove_sample) for turn in turns] == [("reward_failed", True)] * 2
    monkeypatch.setitem(PRESETS._ours, "broken", Preset(lambda score: math.nan, rejected=0.0))
    sample = make_sample(1)
    assert "broken" in str(await model_reward(make_args(**settings, code_reward_shaping="broken"), sample))
    assert sample.metadata["code_reward"]["verdict"] == "missing"


def test_two_event_loops_in_two_threads_are_served(settings, client_dir):
    import misbehaving

    rewards = {}

    async def work(name):
        async with misbehaving.Misbehaving() as own:
            args = make_args(**{**settings, "code_reward_rm_urls": [own.url]})
            rewards[name] = await model_reward(args, [make_sample(i) for i in range(8)])

    threads = [threading.Thread(target=lambda n=name: asyncio.run(work(n))) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rewards["a"] == rewards["b"] == [shape(Scored(score(client_dir, i))) for i in range(8)]


async def test_slimes_own_router_is_asked_for_its_workers(settings, server):
    from misbehaving import Misbehaving

    async with Misbehaving(router=True) as router:
        router.workers = [server.url]
        routers = {"default": ("127.0.0.1", 1), "reward": ("127.0.0.1", router.port)}
        args = make_args(**{**settings, "code_reward_rm_urls": []}, sglang_model_routers=routers)
        sample = make_sample(1)
        await model_reward(args, sample)
    assert sample.metadata["code_reward"]["verdict"] == "scored"
    assert server.scored


# Tests and both together.


@pytest.fixture
def impatient(monkeypatch):
    """The client of the sandbox tries only once."""
    monkeypatch.setattr("reward_servers.sandbox.client._ATTEMPTS", 1)


async def test_unit_tests_decide_between_one_and_zero():
    samples = [with_tests(), with_tests(response=WRONG), with_tests(response="no"), with_tests(response=answer(1) + "\n" + "x" * 3_000)]
    assert await unit_test_reward(make_args(), samples) == [1.0, 0.0, 0.0, 1.0]
    assert [sample.metadata["code_reward"].get("outcome") for sample in samples] == ["passed", "failed", None, "passed"]


async def test_unit_tests_can_pay_for_the_share_that_passes():
    assert await unit_test_reward(make_args(code_reward_tests_reward="fraction"), with_tests(response=WRONG)) == 0.5


async def test_the_time_that_a_problems_authors_allow_is_had():
    slow = "```python\nimport time\ndef add_1(a, b):\n    while time.process_time() < 1.0: pass\n    return a + b + 1\n```"
    samples = [with_tests(response=slow), with_tests(response=slow)]
    samples[1].metadata["time_limit_seconds"] = 60.0
    assert await unit_test_reward(make_args(code_reward_sandbox_limits={"cpu_seconds": 0.3}), samples) == [0.0, 1.0]


async def test_in_an_evaluation_all_tests_must_pass_whatever_training_counts():
    training = make_args(code_reward_tests_reward="fraction")
    assert await unit_test_reward(training, [with_tests(group_index=None), with_tests(group_index=None, response=WRONG)]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("tests", "reason"), [([], "no_tests"), (None, "no_tests"), ([{"kind": "prayer"}], "bad_metadata"), ("nonsense", "bad_metadata")]
)
async def test_problems_without_usable_tests_have_no_verdict(tests, reason):
    sample = with_tests(tests=tests)
    await unit_test_reward(make_args(), sample)
    assert sample.metadata["code_reward"]["reason"] == reason
    assert sample.remove_sample


@pytest.mark.parametrize(("url", "reason"), [("http://127.0.0.1:9", "sandbox_error"), (None, "sandbox_timeout")])
async def test_a_sandbox_that_fails_is_a_missing_verdict(url, reason, impatient):
    sample = with_tests(response="```python\nimport time\ntime.sleep(1)\ndef add_1(a, b): return 0\n```")
    seconds = 30.0 if url else 0.2
    await unit_test_reward(make_args(code_reward_sandbox_url=url, code_reward_sandbox_seconds=seconds), sample)
    assert sample.metadata["code_reward"]["reason"] == reason


async def test_gated_tests_decide_where_there_are_any_and_the_model_is_not_asked(settings, client_dir):
    samples = [with_tests(), with_tests(response=WRONG), make_sample(1), make_sample(1, response="no")]
    rewards = await hybrid_reward(make_args(**settings), samples)
    assert rewards == [1.0, 0.0, shape(Scored(score(client_dir, 1))), -0.5]
    assert samples[0].metadata["code_reward"]["parts"]["model"] is None


async def test_weighted_both_count_and_the_record_says_what_each_said(settings, client_dir):
    sample = with_tests()
    reward = await hybrid_reward(make_args(**settings, code_reward_hybrid_mode="weighted", code_reward_hybrid_tests_weight=0.25), sample)
    assert reward == pytest.approx(0.25 * 1 + 0.75 * shape(Scored(score(client_dir, 1))))
    parts = sample.metadata["code_reward"]["parts"]
    assert parts["tests"]["score"] == 1.0
    assert parts["model"]["score"] == score(client_dir, 1)


@pytest.mark.parametrize("stand_in", [False, True])
async def test_one_part_stands_in_only_if_it_may(settings, client_dir, stand_in, impatient):
    sample = with_tests()
    args = make_args(**settings, code_reward_sandbox_url="http://127.0.0.1:9", code_reward_hybrid_stand_in=stand_in)
    reward = sample.reward = await hybrid_reward(args, sample)
    assert is_missing(sample) != stand_in
    assert reward == (shape(Scored(score(client_dir, 1))) if stand_in else 0.0)


async def test_refusals_are_no_numbers(settings):
    args = make_args(**settings, custom_reward_post_process_path=None)
    assert isinstance(await model_reward(args, make_sample(1)), Refusal)


async def test_tests_weighted_by_difficulty_need_the_whole_group_and_are_told_in_the_records():
    args = make_args(code_reward_tests_reward="difficulty", group_rm=True)
    half = "```python\ndef add_1(a, b):\n    return 1\n```"
    answers = [answer(1), half, "no program", half]
    samples = [with_tests(1, response=text, group_index=0) for text in answers]
    rewards = await unit_test_reward(args, samples)
    # Of four answers three pass `add_1(0, 0) == 1` and one `add_1(1, 2) == 4`: weights as 1 to e.
    assert rewards == pytest.approx([1.0, 1 / (1 + math.e), 0.0, 1 / (1 + math.e)])
    records = [sample.metadata["code_reward"] for sample in samples]
    assert [record["score"] for record in records] == [rewards[0], rewards[1], None, rewards[3]]
    assert [record["shaped"] for record in records] == rewards
    held_out = with_tests(1, response=half, group_index=None)
    assert await unit_test_reward(args, held_out) == 0.0
    [refused] = await unit_test_reward(make_args(code_reward_tests_reward="difficulty"), [with_tests(1)])
    assert "--group-rm" in str(refused.error)

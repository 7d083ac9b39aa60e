import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from code_reward_trl.rewards import content, model_reward, syntax_reward, unit_test_reward
from misbehaving import Misbehaving, score_of
from pydantic import TypeAdapter
from tiny_policy import problem, right, statement, wrong

from code_reward.errors import ConfigurationError, DataError, RewardServerError
from code_reward.extraction import extract_code
from code_reward.problem import Test
from code_reward.rm_input import Encoded, RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits, Outcome, Sandbox
from reward_servers.scorer import Scorer

QUICK = ClientSettings(deadline_seconds=600.0, request_seconds=30.0, backoff_seconds=0.01, max_backoff_seconds=0.05)
TESTS = TypeAdapter(list[Test])


def fenced(program: str) -> str:
    return f"Here it is:\n```python\n{program}\n```"


ANSWERS = [fenced(right(1)), fenced(wrong(1)), "I do not know.", fenced("def shift(n:"), fenced("def other(n):\n    return n"), ""]


def columns(count: int) -> dict[str, list[str]]:
    tests = TESTS.dump_json(problem(1).tests).decode()
    row = {"statement": statement(1), "entry_point": "shift", "starter_code": "", "tests": tests}
    return {name: [value] * count for name, value in row.items()}


def as_chat(answers: list[str]) -> list[list[dict[str, str]]]:
    return [[{"role": "assistant", "content": answer}] for answer in answers]


@pytest.fixture
async def server() -> AsyncIterator[Misbehaving]:
    async with Misbehaving() as running:
        yield running


@pytest.fixture
async def client(server: Misbehaving, client_dir: Path) -> AsyncIterator[RewardClient]:
    async with RewardClient(client_dir, urls=[server.url], settings=QUICK) as running:
        yield running


async def test_chat_and_plain_completions_get_the_same_shaped_scores(client: RewardClient, client_dir: Path) -> None:
    rm_input = RMInput.load(client_dir)

    def expected(answer: str) -> float:
        encoded = rm_input.build(statement(1), answer, "shift")
        return shape(Scored(score_of(encoded.ids)) if isinstance(encoded, Encoded) else encoded)

    reward = model_reward(client)
    values = await reward(completions=ANSWERS, **columns(6))
    assert values == pytest.approx([expected(answer) for answer in ANSWERS], abs=1e-6)
    assert values[2:] == [-0.5] * 4, "an answer without the program that was asked for is rejected"
    assert await reward(completions=as_chat(ANSWERS), prompts=["…"] * 6, completion_ids=[[1]] * 6, **columns(6)) == values
    assert await model_reward(client, shaping="codescaler")(completions=ANSWERS[:2], **columns(2)) != values[:2]


async def test_a_missing_verdict_is_none_and_never_a_number(client: RewardClient, client_dir: Path, server: Misbehaving) -> None:
    encoded = RMInput.load(client_dir).build(statement(1), ANSWERS[1], "shift")
    plain = RMInput.load(client_dir).build(statement(1), ANSWERS[0], "shift")
    assert isinstance(encoded, Encoded)
    assert isinstance(plain, Encoded)
    server.poison = dict.fromkeys(set(encoded.ids) - set(plain.ids), "nan")
    logged: dict[str, float] = {}
    values = await model_reward(client)(completions=ANSWERS[:3], log_metric=logged.__setitem__, **columns(3))
    assert values[1] is None
    assert isinstance(values[0], float)
    assert values[2] == -0.5
    assert logged == {"missing": pytest.approx(1 / 3), "rejected": pytest.approx(1 / 3)}


async def test_raw_scores_need_a_value_for_rejected_answers(client: RewardClient) -> None:
    for wrong_way in ({"shaping": "raw"}, {"rejected": -1.0}, {"shaping": "nonsense"}):
        with pytest.raises(ConfigurationError):
            model_reward(client, **wrong_way)
    values = await model_reward(client, shaping="raw", rejected=-99.0)(completions=ANSWERS, **columns(6))
    assert values[2:] == [-99.0] * 4
    assert min(values[:2]) > -99.0


async def test_too_many_missing_verdicts_stop_the_run(client: RewardClient, server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_settings", QUICK.model_copy(update={"deadline_seconds": 2}))
    server.fault = "500"
    # Two rejected answers need no server: half of the verdicts are missing, which is still allowed.
    assert await model_reward(client)(completions=ANSWERS[:4], **columns(4)) == [None, None, -0.5, -0.5]
    with pytest.raises(RewardServerError, match=r"50% of the verdicts are missing .*check the reward server") as caught:
        await model_reward(client, max_missing=0.4)(completions=ANSWERS[:4], **columns(4))
    assert "\n" not in str(caught.value)
    with pytest.raises(RewardServerError, match="100%"):
        await model_reward(client)(completions=ANSWERS[:2], **columns(2))


async def test_the_reward_equals_direct_scoring_through_a_real_server(rm_dir: Path, server_url: str) -> None:
    rm_input, scorer = RMInput.load(rm_dir), Scorer(rm_dir)
    direct = scorer.score([rm_input.build(statement(1), answer, "shift").ids for answer in ANSWERS[:2]])
    async with RewardClient(rm_dir, urls=[server_url]) as client:
        values = await model_reward(client)(completions=as_chat(ANSWERS), **columns(6))
    assert values[:2] == pytest.approx([shape(Scored(score)) for score in direct], abs=1e-4)
    assert values[2:] == [-0.5] * 4


async def test_the_syntax_reward_is_extraction() -> None:
    values = await syntax_reward()(completions=as_chat(ANSWERS), **columns(6))
    assert values == [float(extract_code(answer, entry_point="shift").code is not None) for answer in ANSWERS] == [1, 1, 0, 0, 0, 0]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    real = connect(workers=1)
    yield real
    await real.close()


async def test_unit_tests_agree_with_the_sandbox(sandbox: Sandbox) -> None:
    half = fenced("def shift(n):\n    return n + 1 if n else 0")
    answers = [*ANSWERS, half]
    assert await unit_test_reward(sandbox)(completions=answers, **columns(7)) == [1, 0, 0, 0, 0, 0, 0]
    fractions = await unit_test_reward(sandbox, reward="fraction")(completions=as_chat(answers), **columns(7))
    assert fractions == pytest.approx([1, 0, 0, 0, 0, 0, 2 / 3])
    # Of seven answers one passes the first test and two each of the others; half the standard deviation of the shares is √2 / 42.
    hard, easy = math.exp(-2 / 7) / (1 + 2 * math.exp(-9)), math.exp(-4 / 7) / (2 + math.exp(-9))
    weighted = await unit_test_reward(sandbox, reward="difficulty")(completions=as_chat(answers), **columns(7))
    assert weighted == pytest.approx([1, 0, 0, 0, 0, 0, 2 * easy / (hard + 2 * easy)])
    outcome = await sandbox.run(extract_code(half).code, problem(1).tests, entry_point="shift", limits=Limits(stop_at_first_failure=False))
    assert [result.kind == "passed" for result in outcome.tests] == [False, True, True]


async def test_answers_without_a_program_count_as_rejected_in_the_log(sandbox: Sandbox) -> None:
    logged: dict[str, float] = {}
    await unit_test_reward(sandbox)(completions=ANSWERS, log_metric=logged.__setitem__, **columns(6))
    assert logged == {"missing": 0.0, "rejected": pytest.approx(4 / 6)}


async def test_an_answer_may_rely_on_the_starter_code(sandbox: Sandbox) -> None:
    relying = fenced("def shift(n: List[int]) -> int:\n    return operator.add(n, 1)")
    given = {**columns(2), "starter_code": ["import operator\nfrom typing import List", ""]}
    assert await unit_test_reward(sandbox)(completions=[relying] * 2, **given) == [1.0, 0.0]


async def test_the_time_that_a_problems_authors_allow_is_had() -> None:
    given: list[float] = []

    class Watched:
        async def run(self, program: str, tests: object, *, limits: Limits, **named: object) -> Outcome:
            given.append(limits.cpu_seconds)
            return Outcome(kind="passed")

    rows = {**columns(3), "time_limit_seconds": [None, 0.5, 20.0]}
    assert await unit_test_reward(Watched(), limits=Limits(cpu_seconds=2))(completions=[ANSWERS[0]] * 3, **rows) == [1.0] * 3
    assert given == [2.0, 2.0, 20.0]
    with pytest.raises(DataError, match="write the data again"):
        await unit_test_reward(Watched())(completions=ANSWERS[:1], **{**columns(1), "time_limit_seconds": [-1.0]})


class BrokenSandbox:
    async def run(self, *arguments: object, **named: object) -> Outcome:
        return Outcome(kind="sandbox_error", message="no worker starts")

    async def close(self) -> None:
        pass


async def test_a_broken_sandbox_is_missing_too() -> None:
    reward = unit_test_reward(BrokenSandbox())
    assert await reward(completions=[ANSWERS[0], "no", "no"], **columns(3)) == [None, 0.0, 0.0]
    with pytest.raises(RewardServerError, match="sandbox_error"):
        await reward(completions=ANSWERS[:2], **columns(2))


def test_the_names_are_those_in_the_logs() -> None:
    made = [syntax_reward(), unit_test_reward(BrokenSandbox())]
    assert [reward.__name__ for reward in made] == ["syntax_reward", "unit_test_reward"]
    assert all(asyncio.iscoroutinefunction(reward) for reward in made), "TRL asks how to call it"


def call(**more: object) -> dict[str, object]:
    return {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "run", "arguments": {}}}], **more}


GOOD, BAD = fenced(right(1)), fenced(wrong(1))


def said(text: object) -> dict[str, object]:
    return {"role": "assistant", "content": text}


def shown(text: str) -> dict[str, object]:
    return {"role": "tool", "content": text}


@pytest.mark.parametrize(
    ("completion", "judged"),
    [
        (GOOD, GOOD),
        ([said(GOOD)], GOOD),
        ([{"role": "assistant", "reasoning_content": BAD, "content": GOOD}], GOOD),
        ([said([{"type": "text", "text": GOOD[:9]}, {"type": "text", "text": GOOD[9:]}])], GOOD),
        ([call(content=None), shown("ok"), said(GOOD)], GOOD),
        ([call(), shown("ok"), said(GOOD)], GOOD),
        (
            [said(GOOD), shown(BAD), said("That is all.")],
            GOOD,
        ),
        ([said(GOOD), {"role": "user", "content": "Sure?"}, said(BAD)], BAD),
        (
            [said("Hm."), shown(GOOD), said("No idea.")],
            "No idea.",
        ),
        ([call(content=None)], ""),
        ([shown(GOOD)], ""),
        ([], ""),
    ],
)
def test_only_what_the_assistant_wrote_is_judged(completion: object, judged: str) -> None:
    assert content(completion, "shift") == judged


def test_a_broken_last_turn_is_the_answer() -> None:
    broken = fenced("def shift(n:")
    turns = [{"role": "assistant", "content": GOOD}, {"role": "tool", "content": "1 failed"}, {"role": "assistant", "content": broken}]
    assert content(turns, "shift") == broken


@pytest.mark.parametrize("tests", ["[]", "", None])
async def test_a_problem_without_tests_gives_no_verdict(sandbox: Sandbox, tests: str | None) -> None:
    reward = unit_test_reward(sandbox, max_missing=1.0)
    broken = fenced("def shift(n):\n    return undefined")
    assert await reward(completions=[GOOD, broken, "no"], entry_point=["shift"] * 3, tests=[tests] * 3) == [None, None, None]
    with pytest.raises(RewardServerError, match="no_tests"):
        await unit_test_reward(sandbox)(completions=[GOOD], entry_point=["shift"], tests=[tests])


async def test_tests_that_are_none_of_ours_are_an_error_that_says_so(sandbox: Sandbox) -> None:
    with pytest.raises(DataError, match="write the data again"):
        await unit_test_reward(sandbox)(completions=[GOOD], entry_point=["shift"], tests=["assert True"])

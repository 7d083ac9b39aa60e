"""Whatever endpoints, problems and judges do: a typed outcome on record, the run goes on, the report counts it."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from code_reward.problem import CallTest, Problem
from data_prep.judges import LLMJudge, ReferenceJudge
from data_prep.llm import LLM, Endpoint
from data_prep.search import RECIPES, LLMPolicy, OfflinePolicy, Recipe
from data_prep.search.report import Tally
from data_prep.search.run import Run, Setup, read_trees
from reward_servers.sandbox import connect

pytestmark = pytest.mark.usefixtures("short_rests")

RECIPE = Recipe(rollouts=2, attempts=2)
SETUP = Setup(recipe=RECIPE, policy="x", judge="y")
PROGRAM = "```python\ndef f(x):\n    return x\n```"


@pytest.fixture(scope="module")
def sandbox():
    sandbox = connect(workers=2)
    yield sandbox
    asyncio.run(sandbox.close())


class Server:
    """An endpoint that behaves as `behave(number of the request, its prompt)` says."""

    def __init__(self, behave, timeout_seconds=60):
        self.behave, self.timeout_seconds, self.asked = behave, timeout_seconds, 0

    async def __aenter__(self):
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        self.endpoint = Endpoint(url=url, model="m", timeout_seconds=self.timeout_seconds, concurrency=4)
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _answer(self, incoming):
        prompt = (await incoming.json())["messages"][0]["content"]
        self.asked += 1
        return await self.behave(self.asked, prompt)


def says(text, model="m"):
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "model": model, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}


def good(prompt):
    return "Fine.\nCorrectness: 4\nStyle: 3" if prompt.startswith("You judge") else PROGRAM


async def hangs(number, prompt):
    await asyncio.sleep(2)


async def is_busy(number, prompt):
    return web.Response(status=429)


async def says_half(number, prompt):
    return web.Response(text=json.dumps(says(good(prompt)))[:30], content_type="application/json")


async def changes_its_model(number, prompt):
    return web.json_response(says(good(prompt), model=f"m{number}"))


def problem(**changes):
    tests = [CallTest(args="(1,)", expected="1")]
    given = {"id": "p", "statement": "Give back x.", "entry_point": "f", "tests": tests, "inputs": ["(2,)", "(3,)", "(4,)"]}
    return Problem(**{**given, "reference_solution": "def f(x):\n    return x\n", **changes})


async def grow(folder, problems, policy, judge):
    with Run(folder, SETUP) as run:
        await run.grow_all(problems, policy, judge)
    trees = {tree.problem_id: tree for tree in read_trees(folder)}
    tally = Tally()
    list(tally.count(trees.values()))
    return trees, tally.to_markdown()


@pytest.mark.parametrize(
    ("behave", "kind"),
    [(hangs, "timeout"), (is_busy, "rate_limited"), (says_half, "malformed"), (changes_its_model, "model_changed")],
)
async def test_an_endpoint_that_is_never_well_is_told_by_every_rollout(sandbox, tmp_path, behave, kind):
    async with (
        Server(behave, timeout_seconds=0.1 if behave is hangs else 60) as server,
        LLM([server.endpoint], patience_seconds=1.0) as llm,
    ):
        judge = LLMJudge(llm, sandbox, traces="none")
        trees, report = await grow(tmp_path, [problem(), problem(id="q")], LLMPolicy(llm, RECIPE), judge)
    failures = [rollout.failure.kind for tree in trees.values() for rollout in tree.rollouts if rollout.failure]
    assert len(failures) == 4 == sum(len(tree.rollouts) for tree in trees.values())
    assert set(failures) == {kind}
    assert f"| failed: {kind} | 4 |" in report
    assert "Values of whole programs" not in report


@pytest.mark.parametrize("status", [502, 503])
async def test_an_endpoint_that_is_away_for_a_while_costs_only_time(sandbox, tmp_path, status):
    async def is_away(number, prompt):
        return web.Response(status=status) if number < 30 else web.json_response(says(good(prompt)))

    async with Server(is_away) as server, LLM([server.endpoint]) as llm:
        judge = LLMJudge(llm, sandbox, traces="none")
        trees, report = await grow(tmp_path, [problem(), problem(id="q")], LLMPolicy(llm, RECIPE), judge)
    assert llm.troubles == {"unreachable": 29}
    assert [rollout.failure for tree in trees.values() for rollout in tree.rollouts] == [None] * 4
    assert "failed:" not in report


BAD = {
    "no_entry_point": problem(id="nameless", entry_point=None),
    "statement_too_long": problem(id="endless", statement="x" * 2_000_000),
    "no_reference": problem(id="unsolved", reference_solution=None),
    "bad_reference": problem(id="looping", reference_solution="def f(x):\n    while True: pass\n"),
    "no_inputs": problem(id="mute", inputs=[], tests=[]),
}


async def test_problems_that_cannot_be_searched_are_counted_and_the_others_searched(sandbox, tmp_path):
    well = problem(id="well")
    policy, judge = OfflinePolicy(RECIPE), ReferenceJudge(sandbox, cpu_seconds=0.2)
    trees, report = await grow(tmp_path, [*BAD.values(), well], policy, judge)
    assert {tree.failure.kind: name for name, tree in trees.items() if tree.failure} == {kind: one.id for kind, one in BAD.items()}
    for kind in BAD:
        assert f"| {kind} |" in report
    assert [rollout.failure for rollout in trees["well"].rollouts] == [None, None]


WILD = {
    "writes a file": "def f(x):\n    open('left_behind', 'w').write('y' * 10)\n    return x\n",
    "floods its output": "def f(x):\n    print('y' * 3_000_000)\n    return x\n",
}


@pytest.mark.parametrize("reference", WILD.values(), ids=WILD)
async def test_a_reference_that_does_more_than_answer_is_judged_by_its_answers(sandbox, tmp_path, monkeypatch, reference):
    monkeypatch.chdir(tmp_path)
    trees, report = await grow(tmp_path / "run", [problem(reference_solution=reference)], OfflinePolicy(RECIPE), ReferenceJudge(sandbox))
    values = [rollout.judgement.correctness for rollout in trees["p"].rollouts]
    assert len(values) == 2
    assert 1.0 in values
    assert "failed:" not in report
    assert [path.name for path in tmp_path.rglob("left_behind")] == []


TALK = [
    "Программа верна.\nПравильность: 5\nСтиль: 4",
    "正确。\n得分：5",
    "Perfect!\nCorrectness: 7\nStyle: 5",
    "Correctness: 7/5\nStyle: 5/5",
    'You ask me to end with "Correctness: number\nStyle: number".',
    "Score: 5",
    "",
]


@pytest.mark.parametrize("talk", TALK)
async def test_a_judge_that_only_talks_leaves_no_score(sandbox, tmp_path, talk):
    async def answer(number, prompt):
        return web.json_response(says(talk if prompt.startswith("You judge") else PROGRAM))

    async with Server(answer) as server, LLM([server.endpoint]) as llm:
        trees, report = await grow(tmp_path, [problem()], LLMPolicy(llm, RECIPE), LLMJudge(llm, sandbox, traces="none"))
    assert [rollout.failure.kind for rollout in trees["p"].rollouts] == ["unparsable", "unparsable"]
    assert "| failed: unparsable | 2 |" in report
    assert [node.visits for node in trees["p"].nodes] == [0]


async def test_a_judge_that_talks_before_it_scores_is_counted_as_having_talked(sandbox, tmp_path):
    talked = 0

    async def answer(number, prompt):
        nonlocal talked
        if not prompt.startswith("You judge"):
            return web.json_response(says(PROGRAM))
        talked += 1
        return web.json_response(says(TALK[talked - 1] if talked < 3 else good(prompt)))

    async with Server(answer) as server, LLM([server.endpoint]) as llm:
        trees, report = await grow(tmp_path, [problem()], LLMPolicy(llm, Recipe(rollouts=1)), LLMJudge(llm, sandbox, traces="none"))
    judgement = trees["p"].rollouts[0].judgement
    assert (judgement.correctness, judgement.junk) == (0.8, 2)
    assert "| judge | 2 |" in report


async def test_a_problem_without_an_entry_point_is_judged_by_what_it_shows(sandbox, tmp_path):
    async def answer(number, prompt):
        shown = "```python\ndef f(x):\n    return x\n\nprint(f(7))\n```"
        return web.json_response(says(good(prompt) if prompt.startswith("You judge") else shown))

    async with Server(answer) as server, LLM([server.endpoint]) as llm:
        nameless = problem(entry_point=None, inputs=[])
        trees, _ = await grow(tmp_path, [nameless], LLMPolicy(llm, Recipe(rollouts=1)), LLMJudge(llm, sandbox))
    assert "7" in trees["p"].rollouts[0].judgement.evidence


@pytest.mark.parametrize(
    ("differs", "said"), [(False, "all of them the same (asking again is no use"), (True, "no usable program in 2 replies: ")]
)
async def test_replies_that_are_all_the_same_are_named_so(sandbox, tmp_path, differs, said):
    async def answer(number, prompt):
        return web.json_response(says(f"I cannot do that, number {number}." if differs else "I cannot do that."))

    async with Server(answer) as server, LLM([server.endpoint], patience_seconds=5.0) as llm:
        policy = LLMPolicy(llm, RECIPE)
        trees, _ = await grow(tmp_path / "run", [problem()], policy, ReferenceJudge(sandbox))
    assert said in trees["p"].rollouts[0].failure.message


def test_the_guide_documents_every_field_of_the_recipe_with_its_values():
    page = (Path(__file__).parents[2] / "docs" / "reward_data.md").read_text()
    rows = {row[0].strip("` "): row[1:3] for row in (line.strip("|").split("|") for line in page.splitlines()) if len(row) == 4}
    for name in Recipe.model_fields:
        assert name in rows, name
        ours, published = (getattr(RECIPES[recipe], name) for recipe in ("default", "coderm-nt"))
        shown = [cell.strip() for cell in rows[name]]
        assert shown[0] == _as_shown(ours)
        assert shown[1] == ("" if published == ours else _as_shown(published))


def _as_shown(value):
    return str(value).lower() if isinstance(value, bool) else f"{value:.4g}" if isinstance(value, float) else str(value)

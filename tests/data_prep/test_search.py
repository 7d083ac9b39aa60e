import asyncio
import subprocess
import sys
from random import Random

import pytest

from code_reward.errors import ConfigurationError, DataError, JudgeError, SandboxError
from code_reward.journal import read_lines
from code_reward.problem import Problem, save_problems
from data_prep.families import generate
from data_prep.judges import Judgement, LLMJudge, ReferenceJudge
from data_prep.llm import LLM, Budget, Endpoint, Ledger, RunStopped
from data_prep.llm.simulated import SimulatedEndpoint
from data_prep.mutants import mutants
from data_prep.search import RECIPES, LLMPolicy, OfflinePolicy, Plan, Recipe, RolloutRecord, Segment, Tree, grow, split_program
from data_prep.search.run import Run, Setup, read_trees
from data_prep.search.session import make_recipe
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Execution, Outcome
from scripts.bench_mcts.kills import IN_FLIGHT, torment

DEFAULT = RECIPES["default"]


@pytest.fixture(scope="module")
def sandbox():
    sandbox = connect(workers=2)
    yield sandbox
    asyncio.run(sandbox.close())


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        yield ledger


# Segments


def texts(program, rule, prefix=()):
    return [segment.text for segment in split_program(program, rule, prefix).segments]


def test_statements_make_segments_of_three_lines_that_never_cross_a_fall_of_indentation():
    program = (
        "def f(x):\n    a = 1\n    b = (2,\n         3)\n    c = 3\n    if x:\n        return a\n    # note\n    return b\n\n\nprint(f(1))"
    )
    parts = split_program(program, "statements")
    assert [segment.text for segment in parts.segments] == [
        "def f(x):\n    a = 1\n    b = (2,\n         3)",
        "    c = 3\n    if x:\n        return a",
        "    # note\n    return b",
    ]
    assert parts.segments[2].key == "    return b"
    assert parts.suffix == "print(f(1))"


def test_prints_end_segments_only_if_they_show_a_variable():
    program = (
        "def f(x):\n    y = x + 1\n    print('y', y)\n    print(f'{x=}')\n    z = y\n    print('done')\n"
        "    if z:\n        print(z)\n        return 1\n    return z\nprint(f(2))"
    )
    assert texts(program, "prints") == [
        "def f(x):\n    y = x + 1\n    print('y', y)\n    print(f'{x=}')",
        "    z = y\n    print('done')\n    if z:\n        print(z)",
        "        return 1",
        "    return z",
    ]


@pytest.mark.parametrize("rule", ["statements", "prints"])
def test_segments_of_any_program_join_to_it_and_go_on_from_any_of_their_prefixes(rule):
    for problem in generate(12, seed=1):
        for program in (problem.reference_solution, *(one.program for one in mutants(problem.reference_solution, 3, 0))):
            segments = split_program(program, rule).segments
            assert "\n".join(segment.text for segment in segments) == program
            for depth in range(1, len(segments)):
                assert split_program(program, rule, segments[:depth]).segments == segments


@pytest.mark.parametrize(
    ("program", "prefix", "kind"),
    [
        ("def f(:", (), "not_python"),
        ("", (), "no_definition"),
        ("def f():\n    return 1", (Segment("def g():", "def g():"),), "wrong_prefix"),
        ("def f():\n    return 1", (Segment("def f():\n    return 1", ""),), "wrong_prefix"),
        ("def f():\n    return 1", (Segment("def f():\n    ret", ""),), "wrong_prefix"),
    ],
)
def test_a_program_without_segments_says_why(program, prefix, kind):
    with pytest.raises(DataError) as error:
        split_program(program, "statements", prefix)
    assert error.value.kind == kind


# The tree


def record(plan, program, value, agreement=1.0):
    """A rollout whose segments are the characters of `program`."""
    segments = [{"text": character, "key": character} for character in program]
    judged = None if value is None else Judgement(correctness=value, agreement=agreement)
    return RolloutRecord(
        problem_id="p", number=plan.number, node=plan.node, action=plan.action, attempt=plan.attempt, segments=segments, judgement=judged
    )


def grown(recipe, *programs):
    tree = Tree(recipe, "seed")
    for number, (program, value) in enumerate(programs, start=1):
        plan = Plan(number, 0, "start")
        tree.nodes[0].pending += 1
        tree.back_up(plan, record(plan, program, value))
    return tree


def shape(tree):
    return {"".join(one.segment.text for one in tree.path(node.id)): (node.visits, node.value) for node in tree.nodes}


def test_a_judgement_is_backed_up_to_the_root_and_equal_segments_are_one_node():
    tree = grown(DEFAULT, ("abc", 1.0), ("abd", 0.5), ("abc", 0.0))
    assert shape(tree) == {"": (3, 1.5), "a": (3, 1.5), "ab": (3, 1.5), "abc": (2, 1.0), "abd": (1, 0.5)}


def test_a_rollout_without_a_judgement_leaves_no_number_behind():
    tree = grown(DEFAULT, ("ab", None))
    assert shape(tree) == {"": (0, 0.0)}
    assert tree.plan(2).action == "start"


def test_a_whole_program_that_is_the_beginning_of_another_is_a_node_of_its_own():
    tree = grown(DEFAULT, ("ab", 1.0), ("abc", 0.0))
    assert sorted((node.segment.text, node.terminal, node.visits) for node in tree.nodes[1:]) == [
        ("a", False, 2),
        ("b", False, 1),
        ("b", True, 1),
        ("c", True, 1),
    ]


def test_the_published_search_expands_the_initial_chain_from_the_top_first():
    tree = grown(RECIPES["coderm-nt"], ("abcd", 0.2))
    nodes = []
    for number in range(2, 5):
        plan = tree.plan(number)
        nodes.append(plan.node)
        tree.back_up(plan, record(plan, "abcd"[: plan.node] + "x" * number, 0.4))
    assert nodes == [1, 2, 3]


def test_uct_goes_below_a_full_node_to_the_better_child_and_explores_the_lesser_known():
    recipe = Recipe(branching=2, exploration=0.1)
    tree = grown(recipe, ("ab", 0.0), ("cd", 1.0))
    assert tree.plan(3).node == next(node.id for node in tree.nodes if node.segment.text == "c")
    curious = Recipe(branching=2, exploration=10.0)
    tree = grown(curious, ("ab", 0.0), ("cd", 1.0), ("cd", 1.0))
    assert tree.plan(4).node == next(node.id for node in tree.nodes if node.segment.text == "a")


def test_rollouts_of_a_wave_spread_by_virtual_loss_and_leave_no_trace_of_it():
    tree = grown(Recipe(branching=2, exploration=1.0), ("ab", 0.5), ("cd", 0.5))
    plans = [tree.plan(number) for number in (3, 4)]
    assert {tree.nodes[plan.node].segment.text for plan in plans} == {"a", "c"}
    for plan in plans:
        tree.back_up(plan, record(plan, tree.nodes[plan.node].segment.text + "z", 1.0))
    assert [node.pending for node in tree.nodes] == [0] * len(tree.nodes)


def test_duplicates_take_width_only_as_published():
    for recipe, left in ((DEFAULT, 2), (RECIPES["coderm-nt"], 0)):
        tree = grown(recipe, ("ab", 1.0), ("ab", 1.0), ("ab", 1.0), ("ac", 0.0))
        assert tree.nodes[0].room == left


def test_a_full_tree_is_planned_no_further_unless_programs_may_be_judged_again():
    assert grown(Recipe(branching=1), ("a", 1.0)).plan(2) is None
    plan = grown(Recipe(branching=1, rejudge=True), ("a", 1.0)).plan(2)
    assert (plan.action, plan.node) == ("rejudge", 1)


def test_reflection_shows_the_worst_leaf_that_was_not_shown_then_the_best():
    tree = grown(Recipe(branching=10), ("ab", 0.5), ("ac", 0.0), ("ad", 1.0))
    leaf = {node.segment.text: node.id for node in tree.nodes}
    assert [tree.plan(number).attempt for number in (4, 5, 6, 7)] == [leaf["c"], leaf["b"], leaf["d"], leaf["d"]]
    assert grown(Recipe(reflection=False), ("ab", 0.5)).plan(2).attempt is None


# Growing


class Judge:
    """Says what `say` says of a program; `say` may raise."""

    def __init__(self, say):
        self.say = say

    async def open(self, problem, scope):
        return self

    async def judge(self, program, suffix, scope):
        await asyncio.sleep(Random(program).random() / 200)
        return Judgement(correctness=self.say(program))


def by_length(program):
    return len(program) % 10 / 10


async def offline(problem, ledger, judge=None, recipe=DEFAULT, **options):
    return await grow(problem, OfflinePolicy(recipe), judge or Judge(by_length), recipe, ledger, **options)


def problem(**more):
    return generate(1, seed=2)[0].model_copy(update=more)


@pytest.mark.parametrize("name", RECIPES)
async def test_an_offline_tree_finds_right_and_wrong_programs(sandbox, ledger, name):
    tree = await offline(problem(), ledger, ReferenceJudge(sandbox), RECIPES[name])
    assert len(tree.rollouts) == 10
    values = {tree.nodes[leaf].mean for leaf in tree.leaves}
    assert max(values) == 1.0
    assert min(values) < 0.5
    for leaf, number in tree.leaves.items():
        rollout = tree.rollouts[number - 1]
        assert tree.prefix(leaf) in rollout.response
        truth = await sandbox.run(tree.prefix(leaf), problem().tests, entry_point=problem().entry_point)
        assert truth.passed == (tree.nodes[leaf].mean == 1.0)


async def test_the_sums_of_a_tree_hold(ledger):
    tree = await offline(problem(), ledger)
    judged = [rollout.judgement.correctness for rollout in tree.rollouts]
    assert (tree.nodes[0].visits, tree.nodes[0].value) == (len(judged), pytest.approx(sum(judged)))
    for node in tree.nodes:
        below = [child for child in tree.nodes if child.parent == node.id]
        if below:
            assert node.visits == sum(child.visits for child in below)
            assert node.value == pytest.approx(sum(child.value for child in below))


async def test_the_same_seed_gives_the_same_tree_and_another_seed_another(tmp_path):
    trees = []
    for place, seed in enumerate((1, 1, 2)):
        with Ledger(tmp_path / f"{place}.jsonl") as ledger:
            trees.append(await offline(problem(), ledger, seed=seed))
    assert trees[0] == trees[1] != trees[2]


async def test_a_tree_that_goes_on_from_any_rollout_becomes_the_same(ledger, tmp_path):
    whole = await offline(problem(), ledger)
    for kept in ({}, {1}, {1, 2, 4}, {1, 2, 3, 4, 5, 9}, set(range(1, 11))):
        again = []
        known = {rollout.number: rollout for rollout in whole.rollouts if rollout.number in kept}
        with Ledger(tmp_path / f"{len(kept)}.jsonl") as other:
            assert await offline(problem(), other, known=known, keep=again.append) == whole
        assert {rollout.number for rollout in again} == set(range(1, len(whole.rollouts) + 1)) - set(kept)


async def test_a_failing_judge_is_a_failure_in_the_record_and_no_score(ledger):
    def say(program):
        if len(program) % 2:
            raise JudgeError("no two lines", kind="unparsable")
        return 0.5

    tree = await offline(problem(), ledger, Judge(say))
    failed = [rollout for rollout in tree.rollouts if rollout.judgement is None]
    assert failed
    assert {rollout.failure.kind for rollout in failed} == {"unparsable"}
    assert tree.nodes[0].visits == len(tree.rollouts) - len(failed)


async def test_a_tree_that_brings_nothing_new_is_ended(ledger):
    only = Problem(id="p", statement="s", entry_point="f", reference_solution="def f(x):\n    return x")
    policy = OfflinePolicy(DEFAULT, skill=1.0)
    tree = await grow(only, policy, Judge(by_length), DEFAULT, ledger)
    assert len(tree.rollouts) < DEFAULT.rollouts
    assert len(tree.leaves) == 1


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"statement": "x" * 2_000_000}, "statement_too_long"),
        ({"reference_solution": None}, "no_reference"),
        ({"entry_point": None}, "no_entry_point"),
        ({"reference_solution": "def f(*a):\n    while True: pass", "entry_point": "f"}, "bad_reference"),
        (
            {"reference_solution": "def f(*a):\n    open('x', 'w').write('y' * 10**6)\n    raise OSError", "entry_point": "f"},
            "bad_reference",
        ),
    ],
)
async def test_a_problem_that_cannot_be_searched_is_a_typed_failure(sandbox, ledger, change, kind):
    tree = await offline(problem(**change), ledger, ReferenceJudge(sandbox, cpu_seconds=0.05))
    assert (tree.failure.kind, tree.rollouts, tree.nodes) == (kind, [], [])


def test_a_recipe_s_changes_are_checked():
    assert make_recipe("coderm-nt", ["uct=false", "rollouts=3"]) == RECIPES["coderm-nt"].model_copy(update={"uct": False, "rollouts": 3})
    for name, change in (("other", []), ("default", ["uct=often"]), ("default", ["speed=1"]), ("default", ["rollouts=0"])):
        with pytest.raises(ConfigurationError):
            make_recipe(name, change)


# With a (simulated) language model


def endpoint(server, **settings):
    return Endpoint(**{"url": server.url, "model": "m", "concurrency": 16, **settings})


@pytest.mark.parametrize("name", RECIPES)
async def test_a_language_model_grows_trees_whatever_share_of_its_answers_is_junk(sandbox, tmp_path, name):
    recipe = RECIPES[name]
    style, traces = ("published", "prints") if name == "coderm-nt" else ("apart", "own")
    problems = generate(4, seed=0)
    async with SimulatedEndpoint(problems, latency=0.0, junk=0.2) as server, LLM([endpoint(server)]) as llm:
        with Run(tmp_path / "run", Setup(recipe=recipe, policy="llm", judge="llm"), llm.budget) as run:
            await run.grow_all(problems, LLMPolicy(llm, recipe), LLMJudge(llm, sandbox, style=style, traces=traces))
        paid = llm.budget.calls
    trees = list(read_trees(tmp_path / "run"))
    assert sorted(tree.problem_id for tree in trees) == sorted(one.id for one in problems)
    rollouts = [rollout for tree in trees for rollout in tree.rollouts]
    assert sum(rollout.junk + (rollout.judgement.junk if rollout.judgement else 0) for rollout in rollouts) > 5
    assert all(rollout.judgement or rollout.failure for rollout in rollouts)
    assert sum(server.answered.values()) == paid
    budget = Budget()
    with Run(tmp_path / "run", Setup(recipe=recipe, policy="llm", judge="llm"), budget):
        assert budget.calls == paid


async def test_a_spent_budget_stops_the_run_and_more_budget_goes_on_with_it(sandbox, tmp_path):
    problems = generate(3, seed=0)
    setup = Setup(recipe=DEFAULT, policy="llm", judge="llm")
    async with SimulatedEndpoint(problems, latency=0.0) as server:
        for most in (7, 30, None):
            budget = Budget(max_calls=most)
            async with LLM([endpoint(server)], budget) as llm:
                with Run(tmp_path / "run", setup, budget) as run:
                    growing = run.grow_all(problems, LLMPolicy(llm, DEFAULT), LLMJudge(llm, sandbox, traces="none"))
                    if most is None:
                        await growing
                    else:
                        with pytest.raises(RunStopped):
                            await growing
                        assert budget.calls == most
    assert len(list(read_trees(tmp_path / "run"))) == 3
    assert (
        sum(server.answered.values())
        == budget.calls
        == sum("-" not in line["key"] for line in read_lines(tmp_path / "run" / "calls.jsonl"))
    )


async def test_an_outage_is_a_typed_failure_and_the_run_goes_on(sandbox, tmp_path, unused_tcp_port):
    gone = Endpoint(url=f"http://127.0.0.1:{unused_tcp_port}/v1", model="m")
    recipe = Recipe(rollouts=2)
    async with LLM([gone], patience_seconds=0.3) as llm:
        with Run(tmp_path, Setup(recipe=recipe, policy="llm", judge="llm")) as run:
            await run.grow_all(generate(2, seed=0), LLMPolicy(llm, recipe), LLMJudge(llm, sandbox))
    for tree in read_trees(tmp_path):
        assert [rollout.failure.kind for rollout in tree.rollouts] == ["unreachable", "unreachable"]
        assert tree.nodes[0].visits == 0


class Flaky:
    """The real sandbox, which cannot be reached for the runs whose numbers are in `failing`."""

    def __init__(self, real, failing=range(10**9)):
        self.real, self.failing, self.runs = real, failing, 0

    def _fails(self):
        self.runs += 1
        return self.runs in self.failing

    async def run(self, *given, **more):
        return Outcome(kind="sandbox_error", message="refused") if self._fails() else await self.real.run(*given, **more)

    async def execute(self, *given, **more):
        return Execution(kind="sandbox_error", message="refused") if self._fails() else await self.real.execute(*given, **more)


async def search(folder, sandbox, replay=False, count=4):
    recipe = Recipe(rollouts=4)
    with Run(folder, Setup(recipe=recipe, policy="offline", judge="reference"), replay=replay) as run:
        await run.grow_all(generate(count, seed=0), OfflinePolicy(recipe), ReferenceJudge(sandbox, traces=False), at_once=2)
    return {tree.problem_id: tree for tree in read_trees(folder)}


@pytest.mark.parametrize("failing", [range(1, 2), range(7, 8), range(7, 30), range(2, 12)], ids=str)
async def test_trees_that_met_a_dead_sandbox_are_not_finished_and_go_on_when_it_is_mended(sandbox, tmp_path, failing):
    with pytest.raises(SandboxError, match="left unfinished: mend it and give the same command again"):
        await search(tmp_path / "run", Flaky(sandbox, failing))
    assert len(list(read_trees(tmp_path / "run"))) < 4
    mended = await search(tmp_path / "run", sandbox)
    assert mended == await search(tmp_path / "alone", sandbox)
    for name in ("rollouts.jsonl", "trees.jsonl"):
        (tmp_path / "run" / name).unlink()
    assert await search(tmp_path / "run", Flaky(sandbox), replay=True) == mended


async def test_a_search_gives_up_after_several_trees_in_a_row(sandbox, tmp_path):
    dead = Flaky(sandbox)
    with pytest.raises(SandboxError, match=r"8 trees in a row .*refused.*; mend it"):
        await search(tmp_path, dead, count=20)
    assert dead.runs < 12
    assert list(read_trees(tmp_path)) == []
    with pytest.raises(SandboxError, match=r"failed on (9|1\d|20) trees, such as .* left unfinished"):
        await search(tmp_path, Flaky(sandbox, range(0, 10**6, 5)), count=20)


async def test_a_replay_fails_where_its_run_failed_and_finishes_nothing_that_the_run_did_not(sandbox, tmp_path):
    for replay in (False, True):
        with pytest.raises(SandboxError, match=r"2 trees, such as that of '.*refused"):
            await search(tmp_path, Flaky(sandbox) if not replay else sandbox, replay=replay, count=2)
        assert list(read_trees(tmp_path)) == []
    assert len(await search(tmp_path, sandbox, count=2)) == 2


# The run's folder


async def test_two_problems_with_one_id_end_the_run(tmp_path):
    setup = Setup(recipe=DEFAULT, policy="offline", judge="length")
    with Run(tmp_path, setup) as run, pytest.raises(DataError, match="give each its own"):
        await run.grow_all([problem(), problem()], OfflinePolicy(DEFAULT), Judge(by_length))


def test_a_folder_is_not_continued_with_another_setup_or_by_two_at_once(tmp_path):
    setup = Setup(recipe=DEFAULT, policy="offline", judge="reference")
    with Run(tmp_path, setup), pytest.raises(ConfigurationError, match="Another process"):
        Run(tmp_path, setup)
    with pytest.raises(ConfigurationError, match="another judge"):
        Run(tmp_path, setup.model_copy(update={"judge": "llm"}))
    with pytest.raises(DataError, match="no folder of a search"):
        list(read_trees(tmp_path / "nothing"))


async def test_kills_at_any_moment_lose_no_rollout_pay_nothing_twice_and_change_nothing(tmp_path):
    found = await torment(tmp_path, generate(4, seed=4), kills=2, seed=0, rollouts=6, latency=0.05)
    assert found.kills
    assert (found.lost, found.twice, found.equal) == (0, 0, True)
    # Only what was under way when it was killed may have been answered in vain.
    assert found.in_vain <= found.kills * IN_FLIGHT


def test_the_command_searches_offline_in_shards_and_says_what_came_of_it(tmp_path):
    save_problems(tmp_path / "problems.jsonl", generate(2, seed=0))
    for shard in ("0/2", "1/2"):
        options = ["--problems", tmp_path / "problems.jsonl", "--out", tmp_path / "run", "--shard", shard, "--change", "rollouts=3"]
        done = subprocess.run([sys.executable, "-m", "data_prep.search", *map(str, options)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "1 trees" in done.stdout
    assert len(list(read_trees(tmp_path / "run"))) == 2
    (tmp_path / "empty.jsonl").write_text("")
    for more in (["--policy", "llm"], ["--problems", str(tmp_path / "empty.jsonl")]):
        command = [sys.executable, "-m", "data_prep.search", *map(str, options), *more]
        wrong = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)

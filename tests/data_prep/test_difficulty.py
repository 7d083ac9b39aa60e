"""Difficulty by reward model: what it is made of, and what it is not made of."""

import pytest
from misbehaving import Misbehaving, score_of
from tiny_rm import answer, build_client_folder, program, statement

from code_reward.errors import DataError, RewardServerError
from code_reward.journal import Journal
from code_reward.problem import Problem, save_problems
from code_reward.rm_input import RMInput
from code_reward.rows import read_rows, write_rows
from code_reward.shaping import squash
from data_prep.difficulty import Completion, Difficulty, MeasureDifficulty, main, measure
from reward_servers.client import ClientSettings, RewardClient

PATIENT = ClientSettings(deadline_seconds=600, request_seconds=30, backoff_seconds=0.01, max_backoff_seconds=0.05)


@pytest.fixture(scope="module")
def rm_dir(tmp_path_factory):
    return build_client_folder(tmp_path_factory.mktemp("rm") / "client", score_of)


@pytest.fixture
async def server():
    async with Misbehaving() as server:
        yield server


def problem(i):
    return Problem(id=f"p{i}", statement=statement(i))


def completion(i, j=None):
    return Completion(problem_id=f"p{i}", response="I do not know." if j is None else answer(j))


def worth(rm_dir, i, j):
    return squash(score_of(RMInput.load(rm_dir).encode(statement(i), program(j)).ids))


async def measured(rm_dir, server, problems, completions, journal=None, deadline=PATIENT.deadline_seconds):
    settings = PATIENT.model_copy(update={"deadline_seconds": deadline})
    async with RewardClient(rm_dir, [server.url], settings=settings) as client:
        return await measure(problems, completions, client, journal)


async def test_the_difficulty_is_one_minus_the_mean_reward_and_rejected_answers_are_worth_nothing(rm_dir, server):
    rows = await measured(rm_dir, server, [problem(1)], [completion(1, 1), completion(1, 2), completion(1)])
    expected = 1 - (worth(rm_dir, 1, 1) + worth(rm_dir, 1, 2)) / 3
    assert [row.model_dump() for row in rows] == [{"problem_id": "p1", "difficulty": pytest.approx(expected), "samples": 3, "rejected": 1}]


async def test_problems_come_from_easy_to_hard(rm_dir, server):
    rows = await measured(rm_dir, server, [problem(i) for i in range(8)], [completion(i, i) for i in range(7)] + [completion(7)])
    assert [row.difficulty for row in rows] == sorted(row.difficulty for row in rows)
    assert {row.problem_id for row in rows} == {f"p{i}" for i in range(8)}
    assert rows[-1] == Difficulty(problem_id="p7", difficulty=1.0, samples=1, rejected=1)


async def test_an_answer_given_twice_counts_twice_and_is_scored_once(rm_dir, server):
    rows = await measured(rm_dir, server, [problem(10)], [completion(10, 10), completion(10, 10), completion(10, 11)])
    assert rows[0].samples == 3
    assert rows[0].difficulty == pytest.approx(1 - (2 * worth(rm_dir, 10, 10) + worth(rm_dir, 10, 11)) / 3)
    assert server.scored.count(tuple(RMInput.load(rm_dir).encode(statement(10), program(10)).ids)) == 1


async def test_missing_verdicts_make_no_difficulty_and_a_second_run_continues(rm_dir, server, tmp_path):
    problems, completions = [problem(i) for i in range(10, 14)], [completion(i, i) for i in range(10, 14)]
    with Journal(tmp_path / "journal") as journal:
        await measured(rm_dir, server, problems[:2], completions[:2], journal)
        await server.stop()
        with pytest.raises(RewardServerError, match="2 verdicts are missing"):
            await measured(rm_dir, server, problems, completions, journal, deadline=1)
    await server.start()
    before = len(server.scored)
    with Journal(tmp_path / "journal") as journal:
        rows = await measured(rm_dir, server, problems, completions, journal)
    assert len(rows) == 4
    texts = {tuple(RMInput.load(rm_dir).encode(statement(i), program(i)).ids) for i in (10, 11)}
    assert not texts & set(server.scored[before:])


@pytest.mark.parametrize(
    ("completions", "message"), [([completion(9, 1)], "'p9'"), ([], "1 problems have no completion, the first is 'p1'")]
)
async def test_files_that_do_not_fit_are_an_error(rm_dir, server, completions, message):
    with pytest.raises(DataError, match=message):
        await measured(rm_dir, server, [problem(1)], completions)


async def test_the_command_writes_what_the_curriculum_reads(rm_dir, server, tmp_path):
    import asyncio

    from code_reward_slime.curriculum import Difficulty as Read

    save_problems(tmp_path / "problems.jsonl", [problem(i) for i in range(3)])
    write_rows(tmp_path / "completions.jsonl", [completion(i, i) for i in range(3)])
    files = {name: tmp_path / f"{name}.jsonl" for name in ("problems", "completions", "out")}
    await asyncio.to_thread(main, MeasureDifficulty(**files, rm_dir=rm_dir, rm_urls=[server.url]))
    rows = read_rows(files["out"], Read)
    assert [row.difficulty for row in rows] == sorted(row.difficulty for row in rows)
    assert {row.problem_id for row in rows} == {"p0", "p1", "p2"}
    assert len(list(tmp_path.glob("out.jsonl.*.journal"))) == 1

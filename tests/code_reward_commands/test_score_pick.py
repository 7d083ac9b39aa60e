"""`code-reward score` and `code-reward pick`, with a real tiny reward model, a real server and the real sandbox."""

import io
import json
import sys
from types import SimpleNamespace

import pytest
from served_rm import serving
from tiny_policy import problem, right, wrong
from tiny_rm import answer, build_rm, program, statement

from code_reward.errors import RewardServerError
from code_reward.problem import save_problems
from code_reward.rm_input import RMInput
from code_reward.selection import METHODS
from code_reward.verdict import Missing
from code_reward_commands import judging, score
from code_reward_commands.pick import choice
from code_reward_commands.pick import command as pick
from reward_servers.scorer import Scorer


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return build_rm(tmp_path_factory.mktemp("rm") / "rm", num_hidden_layers=1)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(command, *words) -> int:
    with pytest.raises(SystemExit) as end:
        command.start([str(word) for word in words])
    return int(end.value.code or 0)


ROWS = [
    {"id": 7, "statement": statement(1), "response": f"So:\n{answer(1)}"},
    {"id": 8, "statement": statement(1), "program": program(2), "note": {"kept": True}},
    {"id": 9, "statement": statement(2), "response": "I do not know."},
    {"id": 10, "statement": statement(1), "response": f"Again:\n{answer(1)}"},
]


def test_scores_are_those_of_the_model_and_columns_are_kept(tmp_path, model, capsys):
    out = tmp_path / "out.jsonl"
    assert run(score, write(tmp_path / "in.jsonl", ROWS), "--model", model, "--out", out) == 0
    rows = read(out)
    direct = Scorer(model).score([RMInput.load(model).encode(statement(1), program(i)).ids for i in (1, 2)])
    assert [row["score"] for row in rows] == [pytest.approx(direct[0]), pytest.approx(direct[1]), None, pytest.approx(direct[0])]
    assert [row["verdict"] for row in rows] == ["scored", "scored", "rejected", "scored"]
    assert (rows[1]["note"], rows[2]["reason"]) == ({"kept": True}, "no_code")
    assert [row["id"] for row in rows] == [7, 8, 9, 10]
    told = json.loads((tmp_path / "out.jsonl.progress.json").read_text())
    assert (told["done"], told["finished"], told["counts"]) == (4, True, {"scored": 3, "rejected": 1})
    assert "4 answers: 3 scored, 1 rejected" in capsys.readouterr().err


def test_a_server_gives_the_same_as_the_folder(tmp_path, model):
    given = write(tmp_path / "in.jsonl", ROWS)
    with serving(model) as (url, _):
        assert run(score, given, "--model", model, "--url", url, "--out", tmp_path / "served.jsonl") == 0
    assert run(score, given, "--model", model, "--out", tmp_path / "loaded.parquet") == 0
    assert run(score, given, "--model", model, "--out", tmp_path / "loaded.jsonl") == 0
    for served, loaded in zip(read(tmp_path / "served.jsonl"), read(tmp_path / "loaded.jsonl"), strict=True):
        assert served.pop("score") == pytest.approx(loaded.pop("score"), abs=1e-4)
        assert served == loaded


def test_servers_that_go_away_end_the_run_and_the_same_command_goes_on(tmp_path, model, monkeypatch, capsys):
    given = write(tmp_path / "in.jsonl", [{"statement": statement(i), "response": answer(i)} for i in range(6)])
    out = tmp_path / "out.jsonl"
    monkeypatch.setattr(score, "BATCH", 2)
    ask = judging._Served.__call__
    with serving(model) as (url, process):

        async def ask_and_lose_the_server(served, answers):
            if process.poll() is not None:
                served.client._settings = served.client._settings.model_copy(update={"deadline_seconds": 1.0})
            verdicts = await ask(served, answers)
            process.kill()
            process.wait()
            return verdicts

        monkeypatch.setattr(judging._Served, "__call__", ask_and_lose_the_server)
        assert run(score, given, "--model", model, "--url", url, "--out", out) == 2
    assert f"error: No reward server gives verdicts any more ({url}); start one and" in capsys.readouterr().err
    assert not out.exists()
    assert len(read(tmp_path / "out.jsonl.journal")) == 2
    monkeypatch.setattr(judging._Served, "__call__", ask)
    with serving(model) as (url, _):
        assert run(score, given, "--model", model, "--url", url, "--out", out) == 0
    assert [row["verdict"] for row in read(out)] == ["scored"] * 6
    # What the first server had said was not asked again.
    assert json.loads((tmp_path / "out.jsonl.progress.json").read_text())["done"] == 6
    assert len(read(tmp_path / "out.jsonl.journal")) == 6


async def test_answers_that_no_server_can_score_are_no_outage_where_they_are_all_that_is_left(model):
    class Poisoned:
        async def verdicts(self, asked):
            return [SimpleNamespace(verdict=Missing("server_error")) for _ in asked]

        async def check(self):
            if not self.well:
                raise RewardServerError("No answer.", kind="unreachable")

    client = Poisoned()
    judge = judging._Served(client, ["http://127.0.0.1:9"])
    asked = [SimpleNamespace(statement=statement(0), response=answer(0), entry_point=None)]
    client.well = True
    assert await judge(asked) == [Missing("server_error")]
    client.well = False
    with pytest.raises(RewardServerError, match="No reward server gives verdicts any more"):
        await judge(asked)


def test_a_killed_run_continues_from_its_journal(tmp_path, model, monkeypatch):
    given = write(tmp_path / "in.jsonl", [{"statement": statement(i), "response": answer(i)} for i in range(6)])
    monkeypatch.setattr(score, "BATCH", 2)
    asked = []

    def dying(*arguments):
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def broken():
            async with judging(*arguments) as judge:

                async def judge_some(answers):
                    asked.append(len(answers))
                    if len(asked) == 3:
                        raise KeyboardInterrupt
                    return await judge(answers)

                yield judge_some

        return broken()

    judging = score.judging
    monkeypatch.setattr(score, "judging", dying)
    assert run(score, given, "--model", model, "--out", tmp_path / "out.jsonl") == 130
    assert not (tmp_path / "out.jsonl").exists()
    assert run(score, given, "--model", model, "--out", tmp_path / "out.jsonl") == 0
    assert asked == [2, 2, 2, 2]
    assert len(read(tmp_path / "out.jsonl")) == 6


def test_standard_input_goes_to_standard_output(model, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(ROWS[0]).encode() + b"\n\n")))
    assert run(score, "-", "--model", model) == 0
    [row] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["id"], row["verdict"]) == (7, "scored")


def test_nothing_on_standard_input_is_an_error(model, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\n")))
    assert run(score, "-", "--model", model) == 2
    assert "standard input holds no row; give one answer per row." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "holds no row"),
        ([{"statement": "Add.", "completion": "x"}], "has neither response nor program (its columns are statement, completion)"),
        ([{"response": "x"}], "has no statement"),
        ([{"statement": 3, "response": "x"}], "statement is a int, not a text"),
    ],
)
@pytest.mark.parametrize("command", [score, pick])
def test_rows_that_are_no_answers_are_an_error(tmp_path, model, capsys, rows, said, command):
    assert run(command, write(tmp_path / "in.jsonl", rows), "--model", model, "--out", tmp_path / "out.jsonl") == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "Skywork/some-rm"], "hf download Skywork/some-rm --local-dir models/some-rm"),
        (["--model", "absent"], "absent does not exist"),
        (["--model", "MODEL", "--url", "http://127.0.0.1:9"], "127.0.0.1:9"),
        (["--model", "MODEL", "--out", "x.csv"], "unknown file type"),
    ],
)
def test_a_wrong_model_server_or_file_is_told_in_a_sentence(tmp_path, model, capsys, words, said):
    words = [str(model) if word == "MODEL" else word for word in words]
    assert run(score, write(tmp_path / "in.jsonl", ROWS), *words) == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert said in line


# Picking

CANDIDATES = [
    {"problem_id": f"p{i}", "statement": problem(i).statement, "entry_point": "shift", "response": f"```python\n{text}\n```", "name": name}
    for i in (1, 2)
    for name, text in (("wrong", wrong(i)), ("right", right(i)), ("none", ""))
]


def test_tests_find_the_right_answer(tmp_path, capsys):
    save_problems(tmp_path / "problems.jsonl", [problem(1), problem(2)])
    given = write(tmp_path / "in.jsonl", CANDIDATES)
    assert run(pick, given, "--tests", tmp_path / "problems.jsonl", "--out", tmp_path / "picked.jsonl") == 0
    rows = read(tmp_path / "picked.jsonl")
    assert [(row["problem_id"], row["name"], row["picked_by"], row["picked_of"]) for row in rows] == [
        ("p1", "right", "majority_vote", 3),
        ("p2", "right", "majority_vote", 3),
    ]
    assert "2 of 2 problems have a pick, by majority_vote" in capsys.readouterr().err


def scored(name, score):
    verdict = (
        {"verdict": "scored", "reason": None, "score": score}
        if score is not None
        else {"verdict": "missing", "reason": "timeout", "score": None}
    )
    return {**CANDIDATES[0], "response": f"```python\n{right(1)}\n```", "name": name, **verdict}


def test_scores_of_a_file_are_used_and_the_highest_wins(tmp_path):
    given = write(tmp_path / "in.jsonl", [scored("low", -3.0), scored("high", 2.5), scored("middle", 1.0)])
    assert run(pick, given, "--out", tmp_path / "picked.jsonl") == 0
    assert [(row["name"], row["picked_by"]) for row in read(tmp_path / "picked.jsonl")] == [("high", "best_by_score")]


def test_a_missing_verdict_leaves_its_problem_without_a_pick(tmp_path, capsys):
    given = write(tmp_path / "in.jsonl", [scored("low", -3.0), scored("unknown", None)])
    assert run(pick, given, "--out", tmp_path / "picked.jsonl") == 1
    assert read(tmp_path / "picked.jsonl") == []
    assert "none for 1: a verdict is missing" in capsys.readouterr().err


def test_a_rejected_answer_and_one_without_a_program_are_never_picked(tmp_path, capsys):
    rejected = {**scored("rejected", 0.0), "verdict": "rejected", "reason": "no_code", "score": None}
    given = write(tmp_path / "in.jsonl", [rejected, {**scored("silent", 9.0), "response": "No."}])
    assert run(pick, given, "--out", tmp_path / "picked.jsonl") == 1
    assert "no answer with a program" in capsys.readouterr().err


def test_both_together_are_the_rule_hybrid(tmp_path, model):
    save_problems(tmp_path / "problems.jsonl", [problem(1), problem(2)])
    given = write(tmp_path / "in.jsonl", CANDIDATES)
    assert run(pick, given, "--tests", tmp_path / "problems.jsonl", "--model", model, "--out", tmp_path / "picked.jsonl") == 0
    assert {row["picked_by"] for row in read(tmp_path / "picked.jsonl")} == {"hybrid"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Nothing to pick by"),
        (["--rule", "best"], "--rule best: unknown; use one of best_by_score"),
        (["--rule", "codet"], "--rule codet needs tests"),
        (["--url", "http://127.0.0.1:9"], "--url needs --model"),
        (["--tests", "absent.jsonl"], "absent.jsonl does not exist"),
    ],
)
def test_what_cannot_be_picked_by_is_refused(tmp_path, capsys, words, said):
    rows = [scored("one", 1.0)] if "--rule" in words else CANDIDATES
    assert run(pick, write(tmp_path / "in.jsonl", rows), *words) == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert said in line


def test_every_rule_of_selection_but_chance_and_truth_can_pick():
    assert set(METHODS) - set(choice.RULES) == {"random", "oracle"}


@pytest.mark.parametrize("served", [False, True])
def test_a_score_per_line_is_that_of_the_program_up_to_it(tmp_path, model, served):
    out, words = (
        tmp_path / "out.jsonl",
        [write(tmp_path / "in.jsonl", ROWS), "--model", model, "--out", tmp_path / "out.jsonl", "--explain"],
    )
    if served:
        with serving(model) as (url, _):
            assert run(score, *words, "--url", url) == 0
    else:
        assert run(score, *words) == 0
    rows, rm_input = read(out), RMInput.load(model)
    lines = program(1).splitlines()
    inputs = [rm_input.encode(statement(1), "\n".join(lines[: count + 1])).ids for count in range(len(lines))]
    assert rows[0]["line_scores"] == pytest.approx(Scorer(model).score(inputs), abs=1e-4)
    assert rows[0]["line_scores"][-1] == pytest.approx(rows[0]["score"], abs=1e-4)
    assert len(set(rows[0]["line_scores"])) == len(lines)
    assert "line_scores" not in rows[2], "an answer without a program has no lines"

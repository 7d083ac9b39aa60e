"""Stored rollouts judged again: by whom, of what, once, and with figures that one can compute by hand."""

import asyncio
import json
import math
import re
import sys
from random import Random

import pytest
import torch
import yaml
from misbehaving_judge import MisbehavingJudge
from tiny_rm import answer, build_rm, program, statement

from code_reward.advantages import group_advantages
from code_reward.errors import ConfigurationError, DataError
from code_reward.rm_input import RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from code_reward_commands.rescore.agreement import STORED, Columns, agreement
from code_reward_commands.rescore.command import Rescore, main
from code_reward_commands.rescore.records import Records
from reward_servers.scorer import Scorer

WRONG = "```python\ndef add_{0}(a, b):\n    return a - b\n```"
GROUP = 4


@pytest.fixture(scope="module")
def rm(tmp_path_factory):
    return build_rm(tmp_path_factory.mktemp("rm") / "rm")


def asserts_of(i):
    return [{"kind": "asserts", "code": f"assert add_{i}(1, 2) == {3 + i}"}]


def sample(i, response, reward=0.5, **more):
    metadata = {"id": f"p{i}", "statement": statement(i), "entry_point": f"add_{i}", "tests": asserts_of(i)}
    fields = {"group_index": i, "index": i, "rollout_id": None, "status": "completed", "prompt": "p", "response": response}
    return {**fields, "reward": reward, "tokens": torch.tensor([1, 2]), "metadata": metadata, **more}


def dump(folder, number, samples):
    folder.mkdir(exist_ok=True)
    torch.save({"rollout_id": number, "samples": samples}, folder / f"rollout_{number}.pt")


@pytest.fixture
def slime_run(tmp_path):
    """Two rollouts of slime: right, wrong, no program, aborted; one rollout fanned out into two samples."""
    for number in range(2):
        first = number * 2
        samples = [
            sample(i, text)
            for i in (first, first + 1)
            for text in (answer(i), WRONG.format(i), "I do not know.", answer(i).replace("total", "found"))
        ]
        samples.append(sample(first, "…", reward=None, status="aborted"))
        turns = [sample(first, answer(first), rollout_id=7), sample(first, "Done.", rollout_id=7)]
        turns[0]["metadata"] = {**turns[0]["metadata"], "code_reward": {"verdict": "scored", "answer": True, "score": 1.0}}
        dump(tmp_path / "run", number, [*samples, *turns])
    return tmp_path / "run"


def rescore(rollouts, out, **settings):
    return main(Rescore(rollouts=[rollouts], out=out, _cli_parse_args=False, **settings))


def rows_of(out):
    return [json.loads(line) for line in (out / "answers.jsonl").read_text().splitlines()]


def test_slimes_dumps_are_judged_by_model_and_tests(slime_run, rm, tmp_path, capsys):
    assert rescore(slime_run, tmp_path / "out", model=rm, tests=True) == 0
    rows = rows_of(tmp_path / "out")
    assert [row["number"] for row in rows] == list(range(20)), "a fanned-out rollout is one answer"
    assert [row["passed"] for row in rows[:4]] == [True, False, False, True]
    assert [row["said"]["rm"]["verdict"] for row in rows[:4]] == ["scored", "scored", "rejected", "scored"]
    assert (rows[8]["said"]["rm"]["reason"], rows[8]["passed"]) == ("aborted", None)
    assert rows[9]["response"] == answer(0)
    ids = RMInput.load(rm).build(statement(0), answer(0), "add_0").ids
    assert rows[0]["score"] == pytest.approx(Scorer(rm).score([ids])[0], abs=1e-5)
    said = capsys.readouterr().out
    assert "The reward model against the tests: AUC" in said
    page = (tmp_path / "out" / "report.html").read_text()
    assert said.splitlines()[0] in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["verdicts"]["tests"]["rejected"] == 4


def test_a_second_run_asks_for_nothing_again_and_another_judge_needs_another_folder(slime_run, rm, tmp_path, monkeypatch):
    rescore(slime_run, tmp_path / "out", model=rm, tests=True)
    before = (tmp_path / "out" / "answers.jsonl").read_bytes()
    monkeypatch.setattr("reward_servers.sandbox.pool.LocalSandbox.run", None)
    assert rescore(slime_run, tmp_path / "out", model=rm, tests=True) == 0
    assert (tmp_path / "out" / "answers.jsonl").read_bytes() == before
    with pytest.raises(ConfigurationError, match="other rollouts or other judges"):
        rescore(slime_run, tmp_path / "out", tests=True)


def test_a_run_that_was_killed_goes_on_behind_the_last_whole_line(slime_run, tmp_path):
    rescore(slime_run, tmp_path / "out", tests=True)
    path = tmp_path / "out" / "answers.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:7]) + lines[7][:20])
    assert rescore(slime_run, tmp_path / "out", tests=True) == 0
    assert path.read_bytes() == whole


class Served:
    """A judge in another thread, for a command that has its own event loop."""

    def __init__(self):
        import threading

        self.loop = asyncio.new_event_loop()
        self.server = MisbehavingJudge()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def __enter__(self):
        asyncio.run_coroutine_threadsafe(self.server.start(), self.loop).result(60)
        return self.server

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)


def test_what_a_judge_left_open_is_asked_for_by_the_next_run_alone(slime_run, tmp_path):
    with Served() as server:
        config = {"urls": [server.api], "model": "judge", "budget_calls": 5}
        (tmp_path / "judge.yaml").write_text(yaml.safe_dump({"code_reward_judge": config}))
        assert rescore(slime_run, tmp_path / "out", judge=tmp_path / "judge.yaml", tests=True) == 1
        assert len(server.bodies) == 1 + 5, "one asks whether it answers at all"
        reasons = [row["said"]["judge"]["reason"] for row in rows_of(tmp_path / "out")]
        assert reasons.count("budget_spent") > 0
        (tmp_path / "judge.yaml").write_text(yaml.safe_dump({**config, "budget_calls": 500}))
        assert rescore(slime_run, tmp_path / "out", judge=tmp_path / "judge.yaml", tests=True) == 0
        asked = [body["messages"][0]["content"] for body in server.bodies if body["max_tokens"] > 1]
        assert len(asked) == len(set(asked)), "nothing was paid for twice"
    rows = rows_of(tmp_path / "out")
    assert sorted(row["number"] for row in rows) == list(range(20)), "replaced lines are gone"
    assert {row["said"]["judge"]["verdict"] for row in rows} == {"scored", "rejected", "missing"}
    assert {row["said"]["judge"]["reason"] for row in rows if row["said"]["judge"]["verdict"] == "missing"} == {"aborted"}


def test_trls_rollouts_take_their_problems_from_a_file(tmp_path):
    rows = [
        {"step": 0, "problem_id": "p1", "response": text, "reward": reward} for text, reward in ((answer(1), 1.0), (WRONG.format(1), None))
    ]
    (tmp_path / "policy.rollouts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    problem = {"id": "p1", "statement": statement(1), "entry_point": "add_1", "tests": asserts_of(1)}
    (tmp_path / "problems.jsonl").write_text(json.dumps(problem) + "\n")
    with pytest.raises(DataError, match="has no statement; give --problems"):
        rescore(tmp_path, tmp_path / "none", tests=True)
    assert rescore(tmp_path, tmp_path / "out", tests=True, problems=tmp_path / "problems.jsonl") == 0
    assert [(row["passed"], row["reward"]) for row in rows_of(tmp_path / "out")] == [(True, 1.0), (False, None)]


def test_trls_own_log_of_completions_is_read_by_its_prompts(tmp_path):
    import pyarrow
    import pyarrow.parquet

    rows = [
        {"step": 1, "prompt": [{"role": "user", "content": statement(1)}], "completion": [{"role": "assistant", "content": text}]}
        for text in (answer(1), "none")
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "completions_00001.parquet")
    with Served() as server:
        (tmp_path / "judge.yaml").write_text(yaml.safe_dump({"urls": [server.api], "model": "judge"}))
        assert rescore(tmp_path, tmp_path / "out", judge=tmp_path / "judge.yaml") == 0
    found = rows_of(tmp_path / "out")
    assert [(row["statement"], row["step"]) for row in found] == [(statement(1), 1)] * 2
    assert [row["said"]["judge"]["verdict"] for row in found] == ["scored", "rejected"]


def test_a_judge_that_is_not_there_is_told_at_once(slime_run, tmp_path):
    (tmp_path / "judge.yaml").write_text(yaml.safe_dump({"urls": ["http://127.0.0.1:9/v1"], "model": "judge"}))
    with pytest.raises(ConfigurationError, match=r"No endpoint answers: http://127.0.0.1:9/v1 .* Start one"):
        rescore(slime_run, tmp_path / "out", judge=tmp_path / "judge.yaml")


def test_an_outage_is_told_with_its_reason_and_is_no_group_that_teaches_nothing(slime_run, tmp_path, capsys):
    with Served() as server:
        (tmp_path / "judge.yaml").write_text(yaml.safe_dump({"urls": [server.api], "model": "judge", "budget_calls": 1}))
        assert rescore(slime_run, tmp_path / "out", judge=tmp_path / "judge.yaml") == 1
    told = capsys.readouterr()
    assert re.search(r"are missing \(of the judge \d+ budget_spent\); mend that", told.err)
    figures = json.loads((tmp_path / "out" / "report.json").read_text())["advantages"]
    # Each group has three programs and one answer without; one program was judged.
    assert figures["judge"]["groups"] < figures["stored"]["groups"]


def test_a_line_of_scores_is_that_of_the_prefixes(slime_run, rm, tmp_path):
    rescore(slime_run, tmp_path / "out", model=rm, explain=True)
    row = rows_of(tmp_path / "out")[0]
    rm_input, lines = RMInput.load(rm), program(0).splitlines()
    prefixes = [rm_input.encode(statement(0), "\n".join(lines[: count + 1])).ids for count in range(len(lines))]
    assert row["line_scores"] == pytest.approx([Scorer(rm).score([ids])[0] for ids in prefixes], abs=1e-4)
    assert row["line_scores"][-1] == pytest.approx(row["score"], abs=1e-4)


def test_a_hostile_dump_is_not_opened(tmp_path):
    (tmp_path / "run").mkdir()

    class Hostile:
        def __reduce__(self):
            return (exec, ("raise SystemExit(3)",))

    torch.save({"rollout_id": 0, "samples": [Hostile()]}, tmp_path / "run" / "rollout_0.pt")
    with pytest.raises(DataError, match="more than plain data"):
        rescore(tmp_path / "run", tmp_path / "out", tests=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "Nobody judges"),
        ({"tests": True, "explain": True}, "need --model"),
        ({"tests": True, "url": ["http://x"]}, "need --model"),
        ({"tests": True, "shaping": "rwa"}, "Unknown shaping 'rwa'"),
        ({"tests": True, "shaping": "raw"}, "no value for rejected answers"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_read(tmp_path, settings, said):
    with pytest.raises(ConfigurationError, match=said):
        rescore(tmp_path / "nowhere", tmp_path / "out", **settings)


def test_tests_that_no_rollout_carries_are_an_error(tmp_path):
    bare = sample(1, "```python\nx = 1\n```")
    bare["metadata"].pop("tests", None)
    dump(tmp_path / "run", 0, [bare])
    with pytest.raises(DataError, match="No rollout carries tests; give --problems"):
        rescore(tmp_path / "run", tmp_path / "out", tests=True)


def test_a_folder_without_rollouts_is_an_error(tmp_path):
    with pytest.raises(DataError, match="holds no rollout_N"):
        rescore(tmp_path, tmp_path / "out", tests=True)


def test_the_figures_are_those_computed_by_hand_on_200_samples():
    draw = Random(0)
    rows = [row_of(draw, number) for number in range(200)]
    columns = Columns(["rm", "tests", "judge", STORED], "default")
    for row in rows:
        columns.add(row)
    found = agreement(columns)
    scored = [(row["said"]["tests"]["score"], row["said"]["rm"]["score"], row["rollout_group"]) for row in rows]
    known = [(truth, score, group) for truth, score, group in scored if truth is not None and score is not None]
    assert 100 < len(known) < 200
    by_hand = [0.5 * ((a > b) + (a >= b)) for t, a, _ in known for u, b, _ in known if t == 1 and u == 0]
    against = found["against_tests"]["rm"]
    assert (against["answers"], against["auc"]) == (len(known), pytest.approx(sum(by_hand) / len(by_hand)))
    inside = [0.5 * ((a > b) + (a >= b)) for t, a, g in known for u, b, h in known if t == 1 and u == 0 and g == h]
    assert (against["pairs"], against["pair_accuracy"]) == (len(inside), pytest.approx(sum(inside) / len(inside)))
    both = [
        (row["said"]["rm"]["score"], row["said"]["judge"]["score"], row["rollout_group"])
        for row in rows
        if row["said"]["rm"]["score"] is not None and row["said"]["judge"]["score"] is not None
    ]
    between = found["between"]["rm and judge"]
    assert between["spearman"] == pytest.approx(spearman([a for a, _, _ in both], [b for _, b, _ in both]))
    pairs = [(a - c) * (b - d) for i, (a, b, g) in enumerate(both) for c, d, h in both[:i] if g == h and (a - c) * (b - d) != 0]
    assert (between["pairs"], between["same_order"]) == (len(pairs), pytest.approx(sum(p > 0 for p in pairs) / len(pairs)))
    own = advantages(rows, "rm", lambda score: shape(Scored(score)), shape_rejected=-0.5)
    true = advantages(rows, "tests", float, shape_rejected=0.0)
    signs = [(a > 0) != (b > 0) for a, b in zip(own, true, strict=True) if a is not None and b is not None and a and b]
    assert found["advantages"]["rm"]["opposite_sign"] == pytest.approx(sum(signs) / len(signs))


def row_of(draw, number):
    def record(value):
        kind = draw.random()
        if kind < 0.1:
            return {"verdict": "rejected", "reason": "no_code", "score": None}
        if kind < 0.15:
            return {"verdict": "missing", "reason": "timeout", "score": None}
        return {"verdict": "scored", "reason": None, "score": value}

    truth = draw.randrange(2)
    judge = draw.randrange(6) / 5
    said = {"rm": record(round(draw.gauss(truth, 1), 1)), "tests": record(float(truth)), "judge": record(judge)}
    return {"number": number, "rollout_group": f"0/{number // GROUP}", "reward": draw.choice([None, 0.5, 1.0]), "said": said}


def spearman(a, b):
    """Pearson's correlation of ranks, ties sharing their mean rank; the slow way."""
    ranks = [
        [sum(other < one for other in column) + (sum(other == one for other in column) - 1) / 2 for one in column] for column in (a, b)
    ]
    means = [math.fsum(column) / len(column) for column in ranks]
    x, y = ([rank - mean for rank in column] for column, mean in zip(ranks, means, strict=True))
    return math.fsum(p * q for p, q in zip(x, y, strict=True)) / math.sqrt(math.fsum(p * p for p in x) * math.fsum(q * q for q in y))


def advantages(rows, name, worth, shape_rejected):
    records = [row["said"][name] for row in rows]
    worths = {"scored": worth, "rejected": lambda _: shape_rejected, "missing": lambda _: None}
    rewards = [worths[record["verdict"]](record["score"]) for record in records]
    found = group_advantages(rewards, [row["rollout_group"] for row in rows])
    return [None if reward is None else one for reward, one in zip(rewards, found, strict=True)]


def test_records_keep_the_last_line_of_an_answer(tmp_path):
    def line(number, verdict):
        return {"number": number, "said": {"rm": {"verdict": verdict, "reason": "timeout", "score": None}}}

    with Records(tmp_path, {}) as records:
        for number, verdict in enumerate(["rejected", "missing", "rejected"]):
            records.add(line(number, verdict))
        assert [number for number in range(5) if records.wants(number)] == [1, 3, 4]
    with Records(tmp_path, {}) as records:
        assert [number for number in range(5) if records.wants(number)] == [1, 3, 4]
        records.add(line(1, "rejected"))
    with Records(tmp_path, {}) as records:
        assert sorted(row["number"] for row in records.rows()) == [0, 1, 2]
        assert records.open == set()


def test_the_help_is_there(monkeypatch, capsys):
    from code_reward_commands import __main__ as front

    monkeypatch.setattr(sys, "argv", ["code-reward", "rescore", "--help"])
    with pytest.raises(SystemExit):
        front.main()
    assert capsys.readouterr().out.startswith("usage: code-reward rescore")

"""What the page reads: every kind of file, while it grows, when it is broken, when it is hostile."""

import gzip
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rows import write_rows
from code_reward_view import files
from code_reward_view.answers import tell_errors
from code_reward_view.dumps import read_samples
from code_reward_view.entry import entry_of
from code_reward_view.export import write_page
from code_reward_view.run import Run
from code_reward_view.table import NONE, Query
from scripts.bench_view.made import write_run

ROW = {"problem_id": "p", "statement": "Add.", "response": "```python\ndef f(): return 1\n```"}


def opened(path: Path):
    source = Run(path).first
    source.refresh()
    return source


def lines(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({**ROW, "step": 3, "reward": 0.5}, {"step": 3, "verdict": "scored", "reward": 0.5, "passed": None}),
        ({**ROW, "step": 3, "reward": None}, {"verdict": "missing", "reward": None}),
        ({**ROW, "passed": False, "outcome": "no_code"}, {"verdict": "rejected", "reason": "no_code", "passed": False}),
        ({**ROW, "passed": False, "outcome": "timeout", "score": 2}, {"verdict": "scored", "reason": "timeout", "score": 2.0}),
        ({**ROW, "verdict": "missing", "reason": "timeout", "score": None}, {"verdict": "missing", "reason": "timeout"}),
        ({**ROW, "score": float("nan")}, {"score": None, "verdict": ""}),
        ({**ROW, "score": True, "reward": 10**400}, {"score": None, "reward": None}),
        (
            {**ROW, "reward": 0.0, "response_length": 12, "metadata": {"id": "m", "code_reward": {"verdict": "missing", "reason": "down"}}},
            {"verdict": "missing", "reason": "down", "reward": None, "length": 12},
        ),
        (
            {
                **ROW,
                "reward": {"code": 0.7},
                "metadata": {"code_reward": {"verdict": "scored", "score": 1.5, "shaped": 0.6, "outcome": "passed"}},
            },
            {"reward": 0.6, "score": 1.5, "passed": True},
        ),
        ({"response": 3, "step": "x", "passed": "yes", "metadata": [1], "reward": []}, {"step": None, "passed": None, "length": 0}),
    ],
)
def test_a_row_of_any_writer_is_understood(row, expected):
    entry = entry_of(row)._asdict()
    assert expected.items() <= entry.items()


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet"])
def test_every_kind_of_file_gives_its_rows_and_each_row_back(tmp_path, name):
    rows = [LabelledProgram(problem_id=f"p{i}", statement="s", program=f"x = {i}", passed=i % 2 == 0, outcome="failed") for i in range(5)]
    write_rows(tmp_path / name, rows)
    source = opened(tmp_path / name)
    assert len(source.table) == 5
    assert source.table.frame().passed.tolist() == [1, 0, 1, 0, 1]
    assert [source.row(i)["program"] for i in range(5)] == [f"x = {i}" for i in range(5)]
    with pytest.raises(DataError, match="no answer 5"):
        source.row(5)


def test_a_file_that_grows_is_read_on_and_a_half_written_line_waits(tmp_path):
    path = lines(tmp_path / "r.jsonl", [{**ROW, "reward": 0.0}])
    source = opened(path)
    whole = json.dumps({**ROW, "reward": 1.0}) + "\n"
    with path.open("a") as file:
        file.write(whole[:20])
        file.flush()
        source.refresh()
        assert len(source.table) == 1
        file.write(whole[20:])
    source.refresh()
    assert source.table.frame().reward.tolist() == [0.0, 1.0]
    assert source.row(1)["reward"] == 1.0


def test_a_file_that_was_cut_or_written_anew_is_read_anew(tmp_path):
    path = lines(tmp_path / "r.jsonl", [{**ROW, "reward": float(i)} for i in range(5)])
    source = opened(path)
    lines(tmp_path / "new.jsonl", [{**ROW, "reward": 9.0}])
    os.replace(tmp_path / "new.jsonl", path)
    source.refresh()
    assert source.table.frame().reward.tolist() == [9.0]


def test_lines_that_are_no_rows_are_counted_and_the_rest_is_read(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(
        json.dumps({**ROW, "reward": 1}).encode()
        + b'\n{"broken\n[1]\n\xff\xfe\n'
        + b"[" * 100_000
        + b"\n"
        + json.dumps(ROW).encode()
        + b"\n"
    )
    source = opened(path)
    assert (len(source.table), source.broken) == (2, 4)


def test_files_that_differ_in_a_number_are_one_source_in_their_order(tmp_path):
    for number in (10, 9, 0):
        lines(tmp_path / f"rollouts{number}.jsonl", [{**ROW, "reward": float(number)}])
    run = Run(tmp_path)
    [source] = run.sources
    source.refresh()
    assert source.table.frame().reward.tolist() == [0.0, 9.0, 10.0]
    lines(tmp_path / "rollouts11.jsonl", [{**ROW, "reward": 11.0}])
    run.scan()
    source.refresh()
    assert source.table.frame().reward.tolist() == [0.0, 9.0, 10.0, 11.0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "absent", "does not exist"),
        (lambda folder: folder, "holds no answers"),
        (lambda folder: lines(folder / "pairs.jsonl", [{"chosen": "a", "rejected": "b"}]), "holds no answers"),
        (lambda folder: lines(folder / "empty.jsonl", []), "holds no answers"),
    ],
)
def test_where_there_is_nothing_to_see_a_sentence_says_so(tmp_path, make, said):
    with pytest.raises(DataError, match=said):
        Run(make(tmp_path))


# Dumps of slime


def dump(path: Path, content: object) -> Path:
    """What `torch.save` writes, as far as its pickle goes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
    return path


def test_a_dump_is_what_torch_writes(tmp_path):
    torch = pytest.importorskip("torch")
    sample = {**ROW, "reward": 0.5, "tokens": torch.arange(5), "metadata": {"n": np.float64(1.5), "a": np.arange(3)}, "status": "completed"}
    torch.save({"rollout_id": 7, "samples": [sample]}, tmp_path / "rollout_7.pt")
    step, [read] = read_samples(tmp_path / "rollout_7.pt")
    assert (step, read["reward"], read["status"], read["tokens"]) == (7, 0.5, "completed", None)
    assert read["metadata"]["n"] == 1.5
    source = opened(tmp_path)
    assert source.table.frame().step.tolist() == [7]


class Evil:
    def __reduce__(self):
        return os.mkdir, ("EVIL",)


@pytest.mark.parametrize("content", [{"samples": [Evil()]}, Evil(), {"samples": [{"response": Evil()}]}])
def test_nothing_in_a_dump_is_executed(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="more than plain data"):
        read_samples(dump(tmp_path / "rollout_0.pt", content))
    assert not (tmp_path / "EVIL").exists()


def test_a_dump_that_is_half_written_is_read_when_it_is_whole(tmp_path):
    path = dump(tmp_path / "rollout_0.pt", {"rollout_id": 0, "samples": [{**ROW, "reward": 1.0}]})
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    source = opened(tmp_path)
    assert (len(source.table), source.error) == (0, "")
    path.write_bytes(whole)
    source.refresh()
    assert len(source.table) == 1


def test_a_page_of_the_rollout_log_gives_its_programs(tmp_path):
    from types import SimpleNamespace

    from code_reward_slime.programs_page import render_page
    from code_reward_slime.rollouts import Rollout

    record = {"verdict": "scored", "reason": None, "score": 1.5, "shaped": 0.5, "terms": {"length": -0.1}}
    # A policy may write what would end its block of the page.
    program = "def f():\n    '''\n~~~~~~\n<img src=x onerror=alert(1)>\n~~~~~~\n    '''\n    return 1"
    response = f"```python\n{program}\n```"
    sample = SimpleNamespace(
        response=response, prompt="Write `f`.", response_length=9, metadata={"code_reward": record, "statement": "Write `f`."}
    )
    (tmp_path / "rollout_000012.md").write_text(render_page(12, [Rollout([sample])]))
    source = opened(tmp_path)
    frame = source.table.frame()
    assert (frame.step.tolist(), frame.score.tolist(), frame.reward.tolist(), frame.length.tolist()) == ([12], [1.5], [0.5], [9])
    assert source.row(0)["program"] == program


def test_what_torch_writes_beside_the_dumps_is_none_of_them(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"sample_offset": 3, "metadata": {}}, tmp_path / "global_dataset_state_dict_0.pt")
    torch.save({"args": {"lr": 1.0}, "iteration": 5}, tmp_path / "common.pt")
    torch.save({"rollout_id": 0, "samples": [{"response": "a", "reward": 1.0}]}, tmp_path / "rollout_0.pt")
    run = Run(tmp_path)
    assert [source.name for source in run.sources] == ["rollout.pt"]


def test_our_own_rewards_in_a_dump_are_read(tmp_path):
    """The dump of the rollout that stopped a run holds the reward that stopped it."""
    torch = pytest.importorskip("torch")
    from code_reward_slime.refusal import Refusal
    from code_reward_slime.samples import KeyedReward

    from code_reward.errors import RewardServerError

    rewards = [KeyedReward(0.25), Refusal(RewardServerError("down", kind="unreachable"))]
    torch.save({"rollout_id": 0, "samples": [{"response": "a", "reward": reward} for reward in rewards]}, tmp_path / "rollout_0.pt")
    source = opened(tmp_path)
    assert source.error == ""
    assert source.table.frame().reward.tolist() == [0.25, pytest.approx(float("nan"), nan_ok=True)]


def test_a_rollout_counts_once_a_missing_verdict_is_no_failure_and_a_rejected_answer_is_one(tmp_path):
    def row(**record):
        return {"response": "a", "reward": 0.0, "metadata": {"code_reward": {"reason": None, "score": None, **record}}}

    rows = [
        row(verdict="scored", score=1.0, outcome="passed"),
        row(verdict="missing", reason="sandbox", outcome="sandbox_error"),
        row(verdict="rejected", reason="no_code"),
        row(verdict="scored", score=1.0, outcome="passed", answer=False),
    ]
    dump(tmp_path / "rollout_3.pt", {"rollout_id": 3, "samples": rows})
    assert opened(tmp_path).table.frame().passed.tolist() == [1, -1, 0]


def test_a_rejected_answer_has_no_value_among_scores(tmp_path):
    """Its reward is of another scale."""
    rows = [{"response": "a", "reward": 0.1, "score": -5.0}, {"response": "b", "reward": -0.5, "verdict": "rejected", "reason": "no_code"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert opened(tmp_path).table.frame().value.tolist() == [-5.0, pytest.approx(float("nan"), nan_ok=True)]


def test_a_page_without_answers_is_not_written(tmp_path):
    (tmp_path / "rollout_000001.md").write_text("# Rollout 1\n")
    with pytest.raises(DataError, match="holds no answers"):
        write_page(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_worst_errors_are_looked_up_file_by_file(tmp_path, monkeypatch):
    """A dump is unpickled once, however many of its answers are shown."""
    for number in range(12):
        rows = [
            {
                "response": f"x = {number}",
                "reward": 1.0,
                "metadata": {"code_reward": {"verdict": "scored", "outcome": outcome, "score": 1.0}},
            }
            for outcome in ("failed", "passed") * 20
        ]
        dump(tmp_path / f"rollout_{number}.pt", {"rollout_id": number, "samples": rows})
    source = opened(tmp_path)
    files._whole_rows.cache_clear()
    read = []
    monkeypatch.setattr(files, "read_samples", lambda path: read.append(path) or read_samples(path))
    assert tell_errors(source)["liked"]["looked_at"]
    assert len(read) == len(set(read)) == 12


# The table


def test_the_table_filters_and_sorts_as_plain_python_does(tmp_path):
    source = opened(write_run(tmp_path / "rollouts.jsonl", 500))
    rows = [source.row(i) for i in range(500)]
    wanted = [
        i
        for i, row in enumerate(rows)
        if row["passed"] is False and row["reward"] == 1 and 20 <= row["step"] <= 60 and "sums" in row["problem_id"]
    ]
    query = Query(passed="wrong", values=(1, None), steps=(20, 60), problem="SUMS", sort="length", descending=True)
    assert source.table.find(query).tolist() == sorted(wanted, key=lambda i: -len(rows[i]["response"]))
    assert source.table.find(Query(verdict="nonsense")).tolist() == []
    assert source.table.find(Query(reason="no_code")).tolist() == [i for i, row in enumerate(rows) if row["outcome"] == "no_code"]


def test_what_is_not_known_sorts_last_and_has_no_step(tmp_path):
    given = [{**ROW, "score": 2.0}, {**ROW, "step": 4, "score": None, "passed": True}, {**ROW, "score": 1.0}]
    table = opened(lines(tmp_path / "a.jsonl", given)).table
    assert table.frame().step.tolist() == [NONE, 4, NONE]
    assert table.find(Query(sort="score")).tolist() == [2, 0, 1]
    assert table.find(Query(sort="score", descending=True)).tolist() == [0, 2, 1]
    assert table.find(Query(steps=(None, 9))).tolist() == [1]


def test_a_gzipped_file_finds_a_row_in_its_middle(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps({**ROW, "reward": i}) + "\n" for i in range(3000)).encode()))
    source = opened(path)
    assert source.row(2500)["reward"] == 2500

"""What is checked before a reward model is trained: data, model, disk, memory."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny_rm
from pydantic import ValidationError

from code_reward.errors import ConfigurationError
from code_reward.reward_data import Pair
from code_reward.rows import write_rows
from rm_train import preflight
from rm_train.preflight import Preflight, main


@pytest.fixture(scope="module")
def rm(tmp_path_factory):
    return tiny_rm.build_rm(tmp_path_factory.mktemp("rm") / "rm")


@pytest.fixture
def pairs(tmp_path):
    rows = [Pair(problem_id=f"p{i // 2}", statement="s", chosen="a = 1", rejected=f"b = {i}") for i in range(4)]
    write_rows(tmp_path / "pairs.jsonl", rows)
    return tmp_path / "pairs.jsonl"


def report(capsys, **settings):
    status = main(Preflight(**settings))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("ok  ", "FAIL"))]
    return status, {line[5:].partition(":")[0]: line for line in lines}


def test_a_run_that_can_work_is_said_to(rm, pairs, tmp_path, capsys):
    status, lines = report(capsys, init=rm, pairs=pairs, out=tmp_path / "new" / "rm", gpu_gib=80)
    assert status == 0, lines
    assert lines.keys() == {"data", "model", "disk", "memory", "GPU"}
    assert "4 rows of 2 problems" in lines["data"]


def test_everything_that_is_bad_is_told_at_once(rm, tmp_path, capsys, monkeypatch):
    (tmp_path / "pairs.jsonl").write_text('{"problem_id": "p"}\n')
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    light = tmp_path / "light"
    light.mkdir()
    shutil.copy(rm / "config.json", light)
    status, lines = report(capsys, init=light, pairs=tmp_path / "pairs.jsonl", out=tmp_path / "rm", gpu_gib=0.01)
    assert status == 2
    bad = {what for what, line in lines.items() if line.startswith("FAIL")}
    assert bad == {"data", "model", "disk", "GPU"}
    assert "row 1" in lines["data"]
    assert "use --shard" in lines["GPU"]


def test_memory_that_is_not_there_fails(rm, pairs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(preflight, "_available", lambda: 1000)
    status, lines = report(capsys, init=rm, pairs=pairs, out=tmp_path / "rm", gpu_gib=80)
    assert status == 2
    assert lines["memory"].startswith("FAIL")


def test_the_estimate_alone_reads_no_data(rm, tmp_path, capsys):
    assert main(Preflight(init=rm, pairs=tmp_path / "absent", out=tmp_path / "rm", estimate_only=True)) == 0
    said = capsys.readouterr().out
    assert "an estimate" in said
    assert "(16 P + 4 F) / N" in said


def test_what_keeps_its_weights_is_counted_so(rm, pairs, tmp_path, capsys, monkeypatch):
    """An adapter's training fits where that of all weights does not."""
    monkeypatch.setattr("rm_train.memory.GIB", 1)  # The model is tiny.
    needed = {}
    for name, options in {
        "all": {},
        "embeddings": {"freeze": "embeddings"},
        "adapters": {"lora": 4},
        "float32": {"dtype": "float32"},
    }.items():
        main(Preflight(init=rm, pairs=pairs, out=tmp_path / "rm", estimate_only=True, **options))
        needed[name] = next(float(line.split("|")[2]) for line in capsys.readouterr().out.splitlines() if "a copy on each" in line)
    assert needed["adapters"] < needed["embeddings"] < needed["all"] <= needed["float32"]


def test_validation_without_right_and_wrong_programs_fails_before_any_gpu_is_taken(rm, pairs, tmp_path, capsys):
    from code_reward.reward_data import LabelledProgram

    rows = [LabelledProgram(problem_id="p", statement="s", program=f"a = {i}", passed=True) for i in range(2)]
    write_rows(tmp_path / "valid.jsonl", rows)
    status, lines = report(capsys, init=rm, pairs=pairs, out=tmp_path / "rm", gpu_gib=80, valid=tmp_path / "valid.jsonl")
    assert status == 2
    assert lines["validation"].startswith("FAIL validation: 2 programs, 2 of them right")


def test_a_model_of_another_kind_and_no_rows_are_refused(rm, tmp_path):
    with pytest.raises(ConfigurationError, match="either --pairs or --prefixes"):
        main(Preflight(init=rm, out=tmp_path / "rm"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing"}))
    with pytest.raises(ConfigurationError, match="describes no model"):
        main(Preflight(init=tmp_path, out=tmp_path / "rm"))
    with pytest.raises(ValidationError):
        Preflight(init=rm, out=tmp_path, gpus=0)

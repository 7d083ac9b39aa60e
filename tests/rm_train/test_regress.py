"""Tests of the two-stage recipe on models that are made in a second."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_policy import pair, right, statement, wrong

from code_reward.errors import ConfigurationError, DataError
from code_reward.reward_data import Prefix
from code_reward.rm_input import RMInput
from code_reward.rows import write_rows
from reward_servers.scorer import Scorer
from rm_train.regress import main
from rm_train.settings import Regress, Train
from rm_train.train import main as train

HEAD = "def shift(n):"
SHARP = {"recipe": "tiny", "epochs": 8, "batch_size": 1}


def prefix(i: int, program: str, value: float, **changes: object) -> Prefix:
    row = {"problem_id": f"p{i}", "statement": statement(i), "program": program, "value": value, "visits": 2, "complete": program != HEAD}
    return Prefix.model_validate({**row, **changes})


ROWS = [row for i in (1, 2) for row in (prefix(i, HEAD, 0.5), prefix(i, right(i), 1.0), prefix(i, wrong(i), 0.0))]


def settings(folder: Path, init: Path, rows: list[Prefix], **changes: object) -> Regress:
    write_rows(folder / "prefixes.jsonl", rows)
    small = {"recipe": "tiny", "epochs": 40, "batch_size": 3, "learning_rate": 1e-2, **changes}
    return Regress(prefixes=folder / "prefixes.jsonl", init=init, out=folder / "stage1", **small)


def scores(folder: Path, *programs: str) -> list[float]:
    rm_input = RMInput.load(folder)
    return Scorer(folder).score([rm_input.encode(statement(1), program).ids for program in programs])


@pytest.fixture(scope="module")
def stage1(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Path:
    folder = tmp_path_factory.mktemp("regress")
    main(settings(folder, policy_dir, ROWS))
    return folder / "stage1"


def test_values_are_learnt_and_the_checkpoint_is_whole(stage1: Path) -> None:
    assert scores(stage1, HEAD, right(1), wrong(1)) == pytest.approx([0.5, 1.0, 0.0], abs=0.25)
    assert {"code_reward.json", "reference_scores.json", "model.safetensors"} <= {path.name for path in stage1.iterdir()}
    assert {path.name for path in stage1.parent.iterdir()} == {"prefixes.jsonl", "stage1"}


def test_stage_two_starts_from_what_stage_one_learnt_and_orders_pairs(tmp_path: Path, stage1: Path) -> None:
    write_rows(tmp_path / "pairs.jsonl", [pair(1), pair(2)])
    for name, rate in (("unmoved", 0.0), ("stage2", 3e-3)):
        train(Train(pairs=tmp_path / "pairs.jsonl", init=stage1, out=tmp_path / name, learning_rate=rate, **SHARP))
    programs = HEAD, right(1), wrong(1)
    assert scores(tmp_path / "unmoved", *programs) == pytest.approx(scores(stage1, *programs), abs=1e-5)
    _, before_right, before_wrong = scores(stage1, *programs)
    _, after_right, after_wrong = scores(tmp_path / "stage2", *programs)
    assert after_right - after_wrong > before_right - before_wrong + 0.5


def test_checkpoints_of_another_run_are_refused(tmp_path: Path, policy_dir: Path) -> None:
    checkpoint = tmp_path / "stage1.checkpoints" / "checkpoint-1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text("{}")
    (checkpoint.parent / "setup.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"stage1.checkpoints .*another .*--prefixes"):
        main(settings(tmp_path, policy_dir, ROWS))


def test_what_does_not_fit_is_counted_and_nothing_is_an_error(tmp_path: Path, policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = prefix(1, HEAD + "\n    # so long" * 2000, 0.5)
    main(settings(tmp_path, policy_dir, [*ROWS, long], epochs=1))
    said = capsys.readouterr().out
    assert "trained on 6 prefixes of 2 problems" in said
    assert "1 prefixes did not fit" in said
    assert json.loads((tmp_path / "stage1" / "trainer_state.json").read_text())["global_step"] == 2
    for rows, said in (([long], "fits the model's input"), ([], "has no prefixes; make some")):
        with pytest.raises(DataError, match=said):
            main(settings(tmp_path, policy_dir, rows))

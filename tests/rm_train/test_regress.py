"""Tests of the two-stage recipe on models that are made in a second."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_policy import pair, right, statement, wrong

from code_reward.errors import ConfigurationError, DataError
from code_reward.reward_data import Prefix
from code_reward.rm_input import PRESETS, RMInput
from code_reward.rows import write_rows
from reward_servers.scorer import Scorer
from rm_train.losses import regression
from rm_train.prefixes import PrefixDataset, collate_prefixes
from rm_train.regress import Regress, main
from rm_train.train import Train
from rm_train.train import main as train

HEAD = "def shift(n):"


def prefix(i: int, program: str, value: float, **changes: object) -> Prefix:
    row = {"problem_id": f"p{i}", "statement": statement(i), "program": program, "value": value, "visits": 2, "complete": program != HEAD}
    return Prefix.model_validate({**row, **changes})


ROWS = [row for i in (1, 2) for row in (prefix(i, HEAD, 0.5), prefix(i, right(i), 1.0), prefix(i, wrong(i), 0.0))]


def settings(folder: Path, init: Path, rows: list[Prefix], **changes: object) -> Regress:
    write_rows(folder / "prefixes.jsonl", rows)
    small = {"epochs": 40, "batch_size": 1, "learning_rate": 1e-2, **changes}
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
        train(Train(pairs=tmp_path / "pairs.jsonl", init=stage1, out=tmp_path / name, learning_rate=rate, epochs=8, batch_size=1))
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


def test_the_loss_of_a_batch_weighs_by_the_judge_s_agreement(policy_dir: Path) -> None:
    rows = [prefix(1, HEAD, 0.5, agreement=0.5), prefix(1, right(1), 1.0), prefix(2, right(2), 0.25)]
    data = PrefixDataset(rows, RMInput.load(policy_dir, PRESETS.get("default")))
    batch = collate_prefixes(list(data), pad_id=0)
    assert batch["value"].tolist() == [0.5, 1.0, 0.25]
    assert batch["weight"].tolist() == [0.5, 1.0, 1.0]
    assert batch["ends"].shape == (3, 2)
    assert float(regression(torch.zeros(3), batch["value"], batch["weight"])) == pytest.approx((0.125 + 1 + 0.0625) / 2.5)


finite = st.floats(-30, 30)


@given(st.lists(st.tuples(finite, st.floats(0, 1), st.floats(0.01, 10)), min_size=1, max_size=8))
def test_the_loss_is_the_weighted_mean_of_squares(rows: list[tuple[float, float, float]]) -> None:
    by_hand = math.fsum(weight * (score - value) ** 2 for score, value, weight in rows) / math.fsum(weight for *_, weight in rows)
    assert math.isclose(float(regression(*torch.tensor(rows, dtype=torch.float64).unbind(dim=1))), by_hand, rel_tol=1e-9, abs_tol=1e-12)


def test_what_does_not_fit_is_counted_and_nothing_is_an_error(tmp_path: Path, policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = prefix(1, HEAD + "\n    # so long" * 2000, 0.5)
    main(settings(tmp_path, policy_dir, [*ROWS, long], epochs=1))
    said = capsys.readouterr().out
    assert "trained on 6 prefixes of 2 problems" in said
    assert "1 prefixes did not fit" in said
    assert json.loads((tmp_path / "stage1" / "trainer_state.json").read_text())["global_step"] == 2
    for rows in ([long], []):
        with pytest.raises(DataError, match="fits the model's input"):
            main(settings(tmp_path, policy_dir, rows))

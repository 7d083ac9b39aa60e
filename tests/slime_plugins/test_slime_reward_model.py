"""Reward model training by slime's hooks, as far as it needs neither Megatron nor Ray."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import slime_samples
import tiny_rm
import torch
from code_reward_slime.reward_model import losses, sequences
from code_reward_slime.reward_model.collect import Collect, rename_head
from code_reward_slime.reward_model.collect import main as collect
from code_reward_slime.reward_model.flags import flags
from code_reward_slime.reward_model.prepare import Prepare
from code_reward_slime.reward_model.prepare import main as prepare
from code_reward_slime.reward_model.row_file import EncodedRow, EncodedRows, write_encoded
from code_reward_slime.reward_model.source import RowSource, take_step
from safetensors.torch import load_file, save_file

from code_reward.errors import ConfigurationError, DataError
from code_reward.reference import Reference, require_equal
from code_reward.reward_data import Pair, Prefix
from code_reward.rm_input import RMInput
from code_reward.rows import write_rows
from reward_servers.scorer import Scorer


def rows(count: int) -> list[EncodedRow]:
    return [EncodedRow([i, 7, 8][: 2 + i % 2], [i, 9], 0.1 * i, 1.0 + i) for i in range(count)]


def source(path: Path, batch: int = 4, seed: int = 0) -> RowSource:
    return RowSource(
        Namespace(prompt_data=path, rollout_batch_size=batch, global_batch_size=batch, n_samples_per_prompt=1, rollout_seed=seed)
    )


@pytest.fixture
def pair_file(tmp_path):
    write_encoded(tmp_path / "rows.parquet", "pairs", rows(10))
    return tmp_path / "rows.parquet"


def test_encoded_rows_come_back_as_they_were(pair_file):
    found = EncodedRows(pair_file)
    assert found.stage == "pairs"
    for got, row in zip([found[i] for i in range(10)], rows(10), strict=True):
        assert (got.chosen, got.rejected, got.weight) == (row.chosen, row.rejected, row.weight)
        assert got.target == pytest.approx(row.target)


def test_a_file_of_something_else_is_refused(tmp_path):
    write_rows(tmp_path / "pairs.parquet", [Pair(problem_id="p", statement="s", chosen="a", rejected="b")])
    for path in (tmp_path / "pairs.parquet", tmp_path / "absent.parquet"):
        with pytest.raises(DataError, match=r"make it with python -m code_reward_slime\.reward_model\.prepare"):
            EncodedRows(path)


def test_every_pass_has_every_row_once_in_an_order_that_the_seed_decides(pair_file):
    steps = [source(pair_file, batch=5).step(number)[0] for number in range(4)]
    assert sorted(steps[0] + steps[1]) == sorted(steps[2] + steps[3]) == list(range(10))
    assert steps[0] + steps[1] != steps[2] + steps[3]
    assert source(pair_file, batch=5).step(3)[0] == steps[3]
    assert source(pair_file, batch=5, seed=1).step(0)[0] != steps[0]


def test_a_step_may_go_over_the_end_of_a_pass(pair_file):
    made = source(pair_file, batch=4)
    places = [position for number in range(5) for position in made.step(number)[0]]
    assert sorted(places[:10]) == sorted(places[10:]) == list(range(10))


def test_weights_have_a_mean_of_one_in_every_step(pair_file):
    positions, weights = source(pair_file).step(0)
    assert np.mean(weights) == pytest.approx(1)
    assert np.array(weights) == pytest.approx(np.array([1.0 + p for p in positions]) / np.mean([1.0 + p for p in positions]))


def test_a_step_that_teaches_nothing_and_a_rollout_of_several_steps_are_refused(tmp_path):
    write_encoded(tmp_path / "rows.parquet", "pairs", [EncodedRow([1], [2], 0.0, 0.0)] * 4)
    with pytest.raises(DataError, match="weight 0"):
        source(tmp_path / "rows.parquet").step(0)
    args = Namespace(prompt_data=tmp_path / "rows.parquet", rollout_batch_size=8, global_batch_size=4, n_samples_per_prompt=1)
    with pytest.raises(ConfigurationError, match="one step"):
        RowSource(args)


def rank_batch(number: int, path: Path, micro_batches: list[list[int]]) -> dict:
    """What slime hands a training rank: lists by sample, the schedule by position."""
    samples = [group[0] for group in take_step(slime_samples.make_args(), number, source(path)).samples]
    kept = [index for micro in micro_batches for index in micro]
    ends = np.cumsum([0, *map(len, micro_batches)])
    return {
        "tokens": [torch.tensor(samples[i].tokens) for i in kept],
        "total_lengths": [len(samples[i].tokens) for i in kept],
        "response_lengths": [samples[i].response_length for i in kept],
        "rewards": [samples[i].reward for i in kept],
        "local_raw_reward": [samples[i].metadata["raw_reward"] for i in kept],
        "micro_batch_indices": [list(range(start, end)) for start, end in pairwise(ends.tolist())],
    }


needs_slime = pytest.mark.skipif(
    not slime_samples.REAL_SLIME, reason="SLIME_ROOT names no checkout of slime, whose classes a step is made of"
)


@needs_slime
@pytest.mark.parametrize("stage", ["pairs", "prefixes"])
def test_losses_of_micro_batches_add_up_to_that_of_all_rows(stage, tmp_path):
    path = tmp_path / "rows.parquet"
    write_encoded(path, stage, rows(10) if stage == "pairs" else [EncodedRow(r.chosen, [], r.target, r.weight) for r in rows(10)])
    weights = torch.linspace(-1, 1, 20)
    total = 0.0
    for micro_batches in ([[0], [3, 1]], [[2]]):  # Two ranks.
        batch = rank_batch(1, path, micro_batches)
        schedule = batch["micro_batch_indices"]
        getattr(sequences, stage)(Namespace(), 1, batch)
        assert batch["micro_batch_indices"] is schedule
        for indices in schedule:
            micro = {name: [batch[name][i] for i in indices] for name in ("tokens", "total_lengths", "returns", "advantages")}
            packed = torch.cat([*micro["tokens"], torch.zeros(5, dtype=torch.long)])  # Padding, as slime's.
            loss, shown = getattr(losses, stage)(Namespace(), micro, weights[packed][None], None)
            assert float(shown["loss"]) == pytest.approx(float(loss))
            total += float(loss)
    positions, _ = source(path).step(1)
    chosen = [source(path).rows[p] for p in positions]
    scores = torch.tensor([float(weights[row.chosen[-1]]) for row in chosen])
    target, weight = (torch.tensor([getattr(row, name) for row in chosen]) for name in ("target", "weight"))
    if stage == "pairs":
        other = torch.tensor([float(weights[row.rejected[-1]]) for row in chosen])
        each = -torch.nn.functional.logsigmoid(scores - other - target)
    else:
        each = (scores - target) ** 2
    expected = (weight * each).sum() / weight.sum()
    assert total / 4 == pytest.approx(float(expected), rel=1e-5)


@needs_slime
def test_a_pair_is_one_sample_to_slime_and_two_sequences_to_the_model(pair_file):
    batch = rank_batch(0, pair_file, [[0, 1], [2, 3]])
    before = [ids.tolist() for ids in batch["tokens"]]
    sequences.pairs(Namespace(), 0, batch)
    after = [ids.tolist() for ids in batch["tokens"]]
    assert [a + b for a, b in zip(after[::2], after[1::2], strict=True)] == before
    assert batch["micro_batch_indices"] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert batch["total_lengths"] == [len(ids) for ids in after]
    assert all(len(batch[name]) == 8 for name in ("response_lengths", "loss_masks", "returns", "advantages", "rollout_mask_sums"))


def statement_rows(count: int) -> list[Pair]:
    return [
        Pair(problem_id=f"p{i}", statement=tiny_rm.statement(i), chosen=tiny_rm.program(i), rejected=tiny_rm.program(i + 1))
        for i in range(count)
    ]


def test_preparing_counts_what_does_not_fit_and_keeps_the_models_input(client_dir, tmp_path, capsys):
    data = [*statement_rows(3), Pair(problem_id="x", statement="s", chosen="x = 1\n" * 2000, rejected="y = 1")]
    write_rows(tmp_path / "pairs.jsonl", data)
    prepare(Prepare(init=client_dir, pairs=tmp_path / "pairs.jsonl", out=tmp_path / "prepared"))
    said = capsys.readouterr().out
    assert "3 pairs" in said
    assert "1 pairs did not fit" in said
    rm_input = RMInput.load(client_dir)
    assert (tmp_path / "prepared" / "code_reward.json").read_bytes() == (client_dir / "code_reward.json").read_bytes()
    row = EncodedRows(tmp_path / "prepared" / "rows.parquet")[1]
    assert row.rejected == rm_input.encode(tiny_rm.statement(1), tiny_rm.program(2)).ids


def test_preparing_needs_one_kind_of_rows(client_dir, tmp_path):
    with pytest.raises(ConfigurationError, match="either --pairs or --prefixes"):
        prepare(Prepare(init=client_dir, out=tmp_path / "prepared"))


def test_a_prefix_counts_by_the_judges_agreement(client_dir, tmp_path):
    row = Prefix(
        problem_id="p", statement=tiny_rm.statement(1), program="def add_1(a, b):", complete=False, value=0.25, visits=2, agreement=0.5
    )
    write_rows(tmp_path / "prefixes.jsonl", [row])
    prepare(Prepare(init=client_dir, prefixes=tmp_path / "prefixes.jsonl", out=tmp_path / "prepared"))
    encoded = EncodedRows(tmp_path / "prepared" / "rows.parquet")[0]
    assert (encoded.rejected, encoded.target, encoded.weight) == ([], 0.25, 0.5)


def test_options_name_the_hooks_of_the_stage_and_enough_steps(pair_file):
    words = flags(pair_file.parent, batch=4, epochs=3)
    options = dict(pairwise(words))
    assert options["--num-rollout"] == "8"
    assert options["--rollout-data-postprocess-path"].endswith("sequences.pairs")
    assert options["--custom-loss-function-path"].endswith("losses.pairs")
    with pytest.raises(ConfigurationError, match="smaller batch"):
        flags(pair_file.parent, batch=64, epochs=1)


@pytest.fixture
def exported(tmp_path):
    """A reward model as slime exports it: the head under the language model's name, and the configuration of `--hf-checkpoint`."""
    rm = tiny_rm.build_rm(tmp_path / "rm", seed=3)
    folder = shutil.copytree(rm, tmp_path / "exported")
    tensors = load_file(folder / "model.safetensors")
    del tensors["score.bias"]
    tensors["lm_head.weight"] = tensors.pop("score.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["Qwen3ForCausalLM"]}))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": dict.fromkeys(tensors, "model.safetensors")}))
    for name in ("reference_scores.json", "code_reward.json"):
        (folder / name).unlink()
    return folder


def test_what_slime_exported_becomes_a_checkpoint_that_every_server_takes(exported, tmp_path):
    write_rows(tmp_path / "pairs.jsonl", statement_rows(2))
    prepare(Prepare(init=tmp_path / "rm", pairs=tmp_path / "pairs.jsonl", out=tmp_path / "prepared"))
    collect(Collect(exported=exported, prepared=tmp_path / "prepared", out=tmp_path / "out"))
    was = Reference.load(tmp_path / "rm")
    scorer = Scorer(tmp_path / "out", threads=1)
    require_equal(was, scorer.score([item.ids for item in was.items]), "float32", "the export")
    now = Reference.load(tmp_path / "out")
    require_equal(now, scorer.score([item.ids for item in now.items]), "float32", "the export")
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())["weight_map"]
    assert {"score.weight", "score.bias"} <= set(index)
    assert "lm_head.weight" not in index


def test_an_exported_language_model_is_no_reward_model(exported, tmp_path):
    tensors = load_file(exported / "model.safetensors")
    head = tensors.pop("lm_head.weight")
    save_file(tensors, exported / "model.safetensors")
    with pytest.raises(ConfigurationError, match=r"holds no lm_head\.weight"):
        rename_head(exported)
    save_file({**tensors, "lm_head.weight": head.repeat(5, 1)}, exported / "model.safetensors")
    with pytest.raises(ConfigurationError, match="holds a language model"):
        rename_head(exported)

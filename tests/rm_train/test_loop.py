"""A run as a user sees it: validation chooses the checkpoint, adapters are merged, errors are one sentence, and kills lose nothing."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tiny_policy import pair, right, statement, wrong

import rm_train.loop
import rm_train.states
from code_reward.cli import run
from code_reward.errors import ConfigurationError, DataError
from code_reward.reference import Reference, compare
from code_reward.reward_data import LabelledProgram
from code_reward.rows import write_rows
from reward_servers.scorer import Scorer
from rm_train.checkpoints import last_checkpoint, remove
from rm_train.loop import Run
from rm_train.settings import Train
from rm_train.train import main


def command(folder: Path, policy: Path, name: str = "rm", **changes: Any) -> Train:
    write_rows(folder / "pairs.jsonl", [pair(i) for i in range(1, 7)])
    options = {"recipe": "tiny", "epochs": 4, "batch_size": 2, "learning_rate": 1e-2, **changes}
    return Train(pairs=folder / "pairs.jsonl", init=policy, out=folder / name, **options)


def labelled(folder: Path, *, of: tuple[int, ...] = (7, 8)) -> Path:
    def row(i: int, program: str) -> LabelledProgram:
        passed = program == right(i)
        return LabelledProgram(
            problem_id=f"p{i}", statement=statement(i), program=program, passed=passed, origin="policy" if passed else "mutant"
        )

    write_rows(folder / "valid.jsonl", [row(i, program) for i in of for program in (right(i), wrong(i))])
    return folder / "valid.jsonl"


def state(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "trainer_state.json").read_text())
    return found


def measured(monkeypatch: pytest.MonkeyPatch, accuracies: list[float]) -> None:
    """Let validation find these accuracies, one after another."""
    left = iter(accuracies)
    monkeypatch.setattr(rm_train.loop.Run, "_figures", lambda run: {"accuracy": next(left)})


def test_validation_measures_what_evaluation_measures(tmp_path: Path, policy_dir: Path) -> None:
    main(command(tmp_path, policy_dir, valid=labelled(tmp_path), valid_steps=12))
    (line,) = [line for line in state(tmp_path / "rm")["log_history"] if "valid_auc" in line]
    rm = tmp_path / "rm"
    from rm_train.measure import evaluate_all, score_programs

    rows = [LabelledProgram.model_validate_json(text) for text in (tmp_path / "valid.jsonl").read_text().splitlines()]
    judged = evaluate_all(score_programs(rm, rows), seed=0)["all"]
    assert line["valid_accuracy"] == judged.pair_accuracy.value
    assert line["valid_auc"] == judged.auc.value
    assert {path.name for path in rm.iterdir()} >= {"training.png", "trainer_state.json", "reference_scores.json"}


@pytest.mark.parametrize("part", [{}, {"lora": 4}, {"freeze": "embeddings"}], ids=["all weights", "adapters", "frozen embeddings"])
def test_the_best_checkpoint_is_what_is_left_and_patience_ends_a_run(
    tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch, part: dict[str, Any]
) -> None:
    measured(monkeypatch, [0.5, 0.9, 0.7, 0.8])
    main(command(tmp_path, policy_dir, valid=labelled(tmp_path), valid_steps=2, patience=2, **part))
    found = state(tmp_path / "rm")
    assert (found["global_step"], found["best_step"]) == (8, 4), "stopped after two that were no better"
    real = Run._step

    def stopped(run: Run, *arguments: Any) -> None:
        if run.log.step == 4:
            raise KeyboardInterrupt
        real(run, *arguments)

    monkeypatch.setattr(Run, "_step", stopped)
    measured(monkeypatch, [0.5, 0.9])
    again = command(tmp_path, policy_dir, "again", valid=labelled(tmp_path), valid_steps=2, **part)
    with pytest.raises(KeyboardInterrupt):
        main(again)
    # What step 4 saved, without going on from it.
    monkeypatch.setattr(Run, "_step", real)
    monkeypatch.setattr("rm_train.plan.Plan.steps_from", lambda plan, first: iter(()))
    main(again)
    best, expected = (load_file(tmp_path / name / "model.safetensors") for name in ("rm", "again"))
    assert all(torch.equal(best[name], expected[name]) for name in expected)


def test_validation_without_a_right_and_a_wrong_program_is_refused_at_the_start(tmp_path: Path, policy_dir: Path) -> None:
    with pytest.raises(DataError, match="label more programs"):
        main(command(tmp_path, policy_dir, valid=labelled(tmp_path, of=(7,))))


def test_adapters_learn_and_are_merged(tmp_path: Path, policy_dir: Path) -> None:
    main(command(tmp_path, policy_dir, lora=4, epochs=8, learning_rate=2e-2))
    before, after = load_file(policy_dir / "model.safetensors"), load_file(tmp_path / "rm" / "model.safetensors")
    moved = {name for name in before if name in after and not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "_proj" in name}
    assert not any("lora" in name or "base_layer" in name for name in after)
    losses = [line["loss"] for line in state(tmp_path / "rm")["log_history"]]
    assert losses[-1] < losses[0]
    reference = Reference.load(tmp_path / "rm")
    assert compare(reference, Scorer(tmp_path / "rm").score([item.ids for item in reference.items]), "float32") is None


def test_bfloat16_is_exported_in_bfloat16_and_keeps_its_reference_scores(tmp_path: Path, policy_dir: Path) -> None:
    main(command(tmp_path, policy_dir, dtype="bfloat16", recompute=True))
    weights = load_file(tmp_path / "rm" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    reference = Reference.load(tmp_path / "rm")
    assert compare(reference, Scorer(tmp_path / "rm").score([item.ids for item in reference.items]), "float32") is None


def test_killed_at_random_moments_a_run_ends_bit_for_bit_as_if_it_had_not_been(
    tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"epochs": 10, "save_steps": 3}
    main(command(tmp_path, policy_dir, "whole", **options))
    drawn = random.Random(0)
    real_step, real_save, kills = Run._step, rm_train.states.write_text, 0

    def step(run: Run, *arguments: Any) -> None:
        if drawn.random() < 0.15:
            raise KeyboardInterrupt
        real_step(run, *arguments)

    def save(*arguments: Any) -> None:
        if drawn.random() < 0.3:
            raise KeyboardInterrupt  # All is written but what makes it whole.
        real_save(*arguments)

    monkeypatch.setattr(Run, "_step", step)
    monkeypatch.setattr(rm_train.states, "write_text", save)
    killed = command(tmp_path, policy_dir, "killed", **options)
    while not killed.out.exists():
        try:
            main(killed)
        except KeyboardInterrupt:
            kills += 1
    assert kills > 5
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())
    losses = [[line["loss"] for line in state(tmp_path / name)["log_history"]] for name in ("whole", "killed")]
    assert losses[0] == losses[1]


def test_a_step_that_is_not_finite_ends_the_run_and_keeps_the_last_checkpoint(tmp_path: Path, policy_dir: Path) -> None:
    with pytest.raises(DataError, match=r"The (loss|gradient) is (nan|inf) at step \d+; lower --learning-rate") as caught:
        main(command(tmp_path, policy_dir, learning_rate=1e30, save_steps=1, epochs=8))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.glob("rm.checkpoints/checkpoint-*/trainer_state.json"))


def test_a_gradient_that_is_not_finite_spoils_no_weight(tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stepped: list[bool] = []
    monkeypatch.setattr("rm_train.loop.nn.utils.clip_grad_norm_", lambda *_: torch.tensor(float("inf")))
    monkeypatch.setattr("torch.optim.AdamW.step", lambda optimizer: stepped.append(True))
    with pytest.raises(DataError, match=r"The gradient is inf at step 1; lower --learning-rate"):
        main(command(tmp_path, policy_dir))
    assert not stepped


def test_a_full_disk_is_one_sentence_and_keeps_the_checkpoint_before(
    tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = rm_train.states.dcp.save, []

    def full_the_second_time(*arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*arguments, **options)

    monkeypatch.setattr(rm_train.states.dcp, "save", full_the_second_time)
    with pytest.raises(ConfigurationError, match=r"checkpoint-6 cannot be written .*No space left.*make room") as caught:
        main(command(tmp_path, policy_dir, save_steps=3))
    assert "\n" not in str(caught.value)
    assert [path.name for path in (tmp_path / "rm.checkpoints").glob("checkpoint-*")] == ["checkpoint-3"]


def test_ctrl_c_while_a_checkpoint_is_written_is_no_fault_of_the_disk(
    tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    # Inside torch's own code, which wraps whatever is raised there.
    monkeypatch.setattr("torch.distributed.checkpoint.filesystem.FileSystemWriter.write_data", interrupted)
    settings = command(tmp_path, policy_dir, save_steps=3)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # Another test's command may have left its own there.
    try:
        with pytest.raises(SystemExit) as ended:
            run(Train, lambda _: main(settings), ["--pairs", "any", "--init", "any", "--out", "any"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.value.code, capfd.readouterr().err) == (130, "error: interrupted; what was finished is kept.\n")


@pytest.mark.parametrize("what", ["encoding", "log", "export"])
def test_a_disk_that_is_full_elsewhere_is_one_sentence_too(
    tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError("1000 requested and 24 written") if what == "encoding" else SafetensorError("I/O error: No space left on device")

    if what == "log":
        monkeypatch.setattr("rm_train.reporting.LOG", "absent/log.jsonl")
    else:
        monkeypatch.setattr({"encoding": "rm_train.encoding.np.save", "export": "rm_train.export.save_file"}[what], full)
    with pytest.raises(ConfigurationError, match=r"rm\S* cannot be written .*; make room and give the same command again") as caught:
        main(command(tmp_path, policy_dir))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "rm").exists()


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path, policy_dir: Path) -> None:
    (tmp_path / "rm" / "other").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"rm holds something that no training has made"):
        main(command(tmp_path, policy_dir))
    assert (tmp_path / "rm" / "other").is_dir()
    for name in (Path(), Path("..")):
        with pytest.raises(ConfigurationError, match="names no folder of its own"):
            main(command(tmp_path, policy_dir).model_copy(update={"out": name}))


def test_the_same_command_again_trains_nothing_and_another_one_replaces_the_model(
    tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(command(tmp_path, policy_dir))
    with monkeypatch.context() as patched:
        patched.setattr(Run, "train", lambda run: pytest.fail("trained again"))
        main(command(tmp_path, policy_dir))
    assert "there already" in capsys.readouterr().out
    before = (tmp_path / "rm" / "model.safetensors").read_bytes()
    main(command(tmp_path, policy_dir, learning_rate=2e-2))
    assert (tmp_path / "rm" / "model.safetensors").read_bytes() != before


def test_a_run_of_one_step_learns(tmp_path: Path, policy_dir: Path) -> None:
    main(command(tmp_path, policy_dir, batch_size=6, epochs=1))
    before, after = (load_file(folder / "model.safetensors") for folder in (policy_dir, tmp_path / "rm"))
    assert any(not torch.equal(before[name], after[name]) for name in before.keys() & after.keys())


def test_weights_that_are_not_the_model_s_are_no_start(tmp_path: Path, policy_dir: Path) -> None:
    """transformers would draw them at random, and say nothing."""
    shutil.copytree(policy_dir, tmp_path / "other")
    path = tmp_path / "other" / "model.safetensors"
    save_file({f"language_{name}": tensor for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})
    with pytest.raises(ConfigurationError, match=r"other lacks \d+ weights of its model, .* among them"):
        main(command(tmp_path, tmp_path / "other"))


def test_a_classifier_of_several_labels_is_no_start(tmp_path: Path, policy_dir: Path) -> None:
    main(command(tmp_path, policy_dir))
    path = tmp_path / "rm" / "model.safetensors"
    tensors = load_file(path)
    tensors["score.weight"] = tensors["score.weight"].repeat(2, 1)
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(ConfigurationError, match="rm cannot be loaded") as caught:
        main(command(tmp_path, tmp_path / "rm", "again"))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_its_parts_is_said_to_be(tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("rm_train.fit._export", killed)
        with pytest.raises(KeyboardInterrupt):
            main(command(tmp_path, policy_dir))
    for part in tmp_path.glob("rm.checkpoints/checkpoint-*/*.distcp"):
        part.unlink()
    with pytest.raises(ConfigurationError, match=r"checkpoint-12 cannot be read .*; remove it") as caught:
        main(command(tmp_path, policy_dir))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_is_being_removed_does_not_seem_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tmp_path / "rm.checkpoints" / "checkpoint-3"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").touch()
    monkeypatch.setattr("rm_train.checkpoints.shutil.rmtree", lambda *_, **__: None)
    remove(tmp_path / "rm.checkpoints")
    assert last_checkpoint(tmp_path / "rm.checkpoints") is None


def test_validation_of_a_model_that_has_left_the_numbers_is_one_sentence(tmp_path: Path, policy_dir: Path) -> None:
    with pytest.raises(DataError, match=r"not finite; lower --learning-rate|is (nan|inf) at step"):
        main(command(tmp_path, policy_dir, learning_rate=1e30, valid=labelled(tmp_path), valid_steps=1))


def test_programs_that_were_scored_before_can_validate(tmp_path: Path, policy_dir: Path) -> None:
    valid = labelled(tmp_path)
    rows = [json.loads(line) for line in valid.read_text().splitlines()]
    valid.write_text("".join(json.dumps({**row, "score": 7.5}) + "\n" for row in rows))
    main(command(tmp_path, policy_dir, valid=valid, valid_steps=12))
    assert (tmp_path / "rm" / "model.safetensors").is_file()


def test_rows_that_count_for_nothing_are_no_steps(tmp_path: Path, policy_dir: Path) -> None:
    settings = command(tmp_path, policy_dir, batch_size=1, epochs=1)
    write_rows(settings.pairs, [pair(i, weight=float(i == 1)) for i in range(1, 4)])
    main(settings)
    assert state(tmp_path / "rm")["global_step"] == 1
    write_rows(settings.pairs, [pair(i, weight=0.0) for i in range(1, 4)])
    with pytest.raises(DataError, match=r"All 3 pairs .* have the weight 0"):
        main(settings.model_copy(update={"out": tmp_path / "none"}))


def test_reference_texts_are_of_pairs_that_fit(tmp_path: Path, policy_dir: Path) -> None:
    settings = command(tmp_path, policy_dir)
    long = right(1) + "\n" + "    # so long\n" * 2000
    write_rows(settings.pairs, [pair(i % 7 + 1, chosen=long) for i in range(70)] + [pair(i) for i in range(1, 4)])
    main(settings)
    assert len(Reference.load(tmp_path / "rm").items) == 6


def test_a_frozen_body_takes_no_adapters(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="give one of them"):
        Train(pairs=tmp_path, init=tmp_path, out=tmp_path / "rm", lora=4, freeze="body")


def test_wandb_gets_one_run_whose_files_outlive_the_checkpoints(tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package itself is not installed here; what is asked of it is."""
    begun: list[dict[str, Any]] = []
    lines: list[dict[str, float]] = []

    class Offline:
        def log(self, line: dict[str, float], step: int) -> None:
            lines.append(line)

        def finish(self) -> None:
            assert (Path(begun[-1]["dir"]) / "run").touch() is None
            begun[-1]["finished"] = True

    def init(**options: Any) -> Offline:
        begun.append(options)
        return Offline()

    stand_in = ModuleType("wandb")
    stand_in.__spec__ = ModuleSpec("wandb", None)
    stand_in.__dict__.update(init=init, Error=RuntimeError)
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    real = rm_train.loop.weighted_loss
    calls: list[int] = []

    def killed_once(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(rm_train.loop, "weighted_loss", killed_once)
    settings = command(tmp_path, policy_dir, report_to="wandb", save_steps=5)
    with pytest.raises(KeyboardInterrupt):
        main(settings)
    main(settings)
    assert begun[0]["id"] == begun[1]["id"]
    assert all(one["finished"] and one["resume"] == "allow" for one in begun)
    assert (Path(begun[1]["dir"]) / "run").exists()
    assert [line["step"] for line in lines] == [5, 10, 12]


def test_a_folder_that_cannot_be_written_to_is_said_before_anything_is_read(tmp_path: Path, policy_dir: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot be written to .*give another --out"):
        main(command(tmp_path, policy_dir).model_copy(update={"out": tmp_path / "file" / "rm"}))


def test_an_option_that_is_given_goes_before_its_recipe_s(tmp_path: Path) -> None:
    files = {"pairs": tmp_path, "init": tmp_path, "out": tmp_path / "rm"}
    assert Train(**files, recipe="coderm-nt-2").learning_rate == 5e-7
    assert Train(**files, recipe="coderm-nt-2", learning_rate=1e-6).learning_rate == 1e-6
    assert Train(**files, recipe="coderm-nt-2").batch_size == 128


def test_the_log_goes_to_tensorboard(tmp_path: Path, policy_dir: Path) -> None:
    main(command(tmp_path, policy_dir, report_to="tensorboard", epochs=2))
    assert list((tmp_path / "rm.tensorboard").glob("events.out.tfevents.*"))

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_policy import pair, right, statement, wrong
from transformers import AutoModelForSequenceClassification

import rm_train.loop
from code_reward.errors import ConfigurationError, DataError
from code_reward.reference import Reference, compare
from code_reward.reward_data import Pair
from code_reward.rm_input import RMInput
from code_reward.rows import write_rows
from code_reward.serving import context_length
from reward_servers.scorer import Scorer
from rm_train.reporting import Log
from rm_train.settings import Train
from rm_train.train import main


def settings(folder: Path, policy: Path, pairs: list[Pair], name: str = "rm", **changes: object) -> Train:
    write_rows(folder / "pairs.jsonl", pairs)
    small = {"epochs": 8, "batch_size": 1, "recipe": "tiny", "learning_rate": 1e-2, **changes}
    return Train(pairs=folder / "pairs.jsonl", init=policy, out=folder / name, **small)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Path:
    """A reward model fitted to two pairs."""
    folder = tmp_path_factory.mktemp("fit")
    main(settings(folder, policy_dir, [pair(1), pair(2)]))
    return folder / "rm"


def score(folder: Path, i: int, program: str) -> float:
    return Scorer(folder).score([RMInput.load(folder).encode(statement(i), program).ids])[0]


def test_two_pairs_are_learnt(trained: Path) -> None:
    losses = [entry["loss"] for entry in json.loads((trained / "trainer_state.json").read_text())["log_history"] if "loss" in entry]
    assert losses[-1] < losses[0] / 2
    for i in (1, 2):
        assert score(trained, i, right(i)) > score(trained, i, wrong(i)) + 1


def test_the_checkpoint_is_what_the_contract_says(trained: Path) -> None:
    tensors = load_file(trained / "model.safetensors")
    assert tensors["score.bias"].tolist() == [0.0]
    assert tensors["score.weight"].shape == (1, 32)
    config = json.loads((trained / "config.json").read_text())
    assert config["architectures"] == ["Qwen3ForSequenceClassification"]
    assert config["id2label"] == {"0": "reward"}
    model = AutoModelForSequenceClassification.from_pretrained(trained)
    assert model.config.num_labels == 1
    reference = Reference.load(trained)
    assert len(reference.items) == 4, "both sides of both pairs"
    assert context_length(trained) <= config["max_position_embeddings"], "SGLang can serve it"
    rm_input = RMInput.load(trained)
    assert [rm_input.encode(item.statement, item.answer).ids for item in reference.items] == [item.ids for item in reference.items]
    assert compare(reference, Scorer(trained).score([item.ids for item in reference.items]), "float32") is None
    assert compare(reference, [model(torch.tensor([item.ids])).logits.item() for item in reference.items], "float32") is None


def test_no_checkpoint_is_left(trained: Path) -> None:
    assert {path.name for path in trained.parent.iterdir()} == {"pairs.jsonl", "rm"}


def test_a_killed_run_goes_on_from_its_last_whole_checkpoint(tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [pair(i) for i in range(1, 7)]
    main(settings(tmp_path, policy_dir, pairs, "whole", epochs=2))
    steps: list[int] = []
    real = rm_train.loop.weighted_loss

    def killed_at_the_ninth(*arguments: Any) -> torch.Tensor:
        steps.append(len(steps))
        if len(steps) == 9:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(rm_train.loop, "weighted_loss", killed_at_the_ninth)
    halves = settings(tmp_path, policy_dir, pairs, "halves", epochs=2, save_steps=4)
    with pytest.raises(KeyboardInterrupt):
        main(halves)
    assert not halves.out.exists()
    # Killed while it wrote the next checkpoint: a folder without the trainer's state.
    (tmp_path / "halves.checkpoints" / "checkpoint-10").mkdir()
    with pytest.raises(ConfigurationError, match=r"another --learning-rate, --pairs; remove it to begin anew"):
        main(settings(tmp_path, policy_dir, pairs[:3], "halves", epochs=2, learning_rate=1e-3))
    settings(tmp_path, policy_dir, pairs)
    main(halves)
    assert len(steps) == 9 + 12 - 8, "twelve steps in all, eight of them before the kill"
    whole, halved = (json.loads((tmp_path / name / "trainer_state.json").read_text()) for name in ("whole", "halves"))
    assert halved["global_step"] == whole["global_step"] == 12
    expected, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "halves"))
    for name, tensor in expected.items():
        torch.testing.assert_close(resumed[name], tensor, msg=f"{name} is not what an uninterrupted run learns")
    assert not (tmp_path / "halves.checkpoints").exists()


def test_a_reward_model_is_there_with_its_log_or_not_at_all(tmp_path: Path, policy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = settings(tmp_path, policy_dir, [pair(1)], epochs=1)

    def killed_after_the_last_checkpoint(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Log, "save", killed_after_the_last_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            main(command)
    assert not command.out.exists()
    main(command)
    assert (command.out / "trainer_state.json").is_file()


def test_what_does_not_fit_is_counted(tmp_path: Path, policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = right(1) + "\n" + "    # so long\n" * 2000
    main(settings(tmp_path, policy_dir, [pair(1), pair(2, chosen=long), pair(3, rejected=long)], epochs=1))
    said = capsys.readouterr().out
    assert "trained on 1 pairs of 1 problems" in said
    assert "2 pairs did not fit" in said


def test_pairs_that_all_do_not_fit_are_an_error(tmp_path: Path, policy_dir: Path) -> None:
    long = right(1) + "\n" + "    # so long\n" * 2000
    for pairs, said in (([pair(1, chosen=long), pair(2, rejected=long)], "use a preset with more tokens"), ([], "has no pairs; make some")):
        with pytest.raises(DataError, match=said):
            main(settings(tmp_path, policy_dir, pairs))
        assert not (tmp_path / "rm").exists()


def test_a_bad_start_is_one_sentence(tmp_path: Path, policy_dir: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        main(settings(tmp_path, tmp_path / "absent", [pair(1)]))
    assert str(tmp_path / "absent") in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="nonsense"):
        main(settings(tmp_path, policy_dir, [pair(1)], preset="nonsense"))

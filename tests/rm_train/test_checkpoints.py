"""A run goes on from its checkpoints only as itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from code_reward.cli import Command
from code_reward.errors import ConfigurationError
from rm_train.checkpoints import begin, checkpoints


class Teach(Command):
    """A command that trains."""

    data: Path
    init: Path
    out: Path
    rm: Path | None = None
    learning_rate: float = 1e-3
    save_steps: int = 5
    device_batch: int | None = None


@pytest.fixture
def begun(tmp_path: Path) -> Teach:
    """A run that was killed after its first checkpoint."""
    (tmp_path / "data.jsonl").write_text("rows")
    (tmp_path / "init").mkdir()
    (tmp_path / "init" / "weights").write_text("first")
    settings = Teach(data=tmp_path / "data.jsonl", init=tmp_path / "init", out=tmp_path / "policy", rm=tmp_path / "rm")
    begin(settings)
    save(settings)
    return settings


def save(settings: Teach) -> None:
    state = checkpoints(settings.out) / "checkpoint-5" / "trainer_state.json"
    state.parent.mkdir()
    state.touch()


def refused(settings: Teach) -> str:
    with pytest.raises(ConfigurationError) as caught:
        begin(settings)
    assert str(checkpoints(settings.out)) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_same_run_goes_on_and_so_does_one_that_differs_in_what_does_not_matter(begun: Teach, tmp_path: Path) -> None:
    (tmp_path / "moved.jsonl").write_text("rows")
    (tmp_path / "init" / ".cache").touch()
    (tmp_path / "init" / "trainer_state.json").write_text("made again, at another time")
    setup = (checkpoints(begun.out) / "setup.json").read_bytes()
    for changes in ({}, {"save_steps": 1, "device_batch": 4}, {"data": tmp_path / "moved.jsonl"}):
        begin(begun.model_copy(update=changes))
        assert (checkpoints(begun.out) / "setup.json").read_bytes() == setup


@pytest.mark.parametrize(("name", "value"), [("learning_rate", 1e-2), ("rm", Path("another"))])
def test_another_setting_is_named(begun: Teach, name: str, value: object) -> None:
    said = refused(begun.model_copy(update={name: value}))
    assert f"another --{name.replace('_', '-')};" in said
    assert "remove it to begin anew, or give another --out" in said


@pytest.mark.parametrize(("name", "file"), [("data", "data.jsonl"), ("init", "init/weights")])
def test_other_contents_of_the_same_file_are_noticed(begun: Teach, tmp_path: Path, name: str, file: str) -> None:
    (tmp_path / file).write_text("other")
    assert f"another --{name};" in refused(begun)


def test_another_number_of_processes_is_another_run(begun: Teach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "another --nproc-per-node;" in refused(begun)
    monkeypatch.setenv("RANK", "1")
    begin(begun)  # One process speaks for all.


def test_a_run_without_a_checkpoint_left_nothing_to_mix_with(begun: Teach) -> None:
    (checkpoints(begun.out) / "checkpoint-5" / "trainer_state.json").unlink()
    other = begun.model_copy(update={"learning_rate": 1.0})
    begin(other)
    (checkpoints(begun.out) / "checkpoint-5").rmdir()
    save(other)
    assert "--learning-rate" in refused(begun)


def test_checkpoints_that_nobody_knows_the_run_of_are_refused(begun: Teach) -> None:
    (checkpoints(begun.out) / "setup.json").unlink()
    assert "does not say of which run" in refused(begun)

"""A reward model keeps its own input, whoever goes on training it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_rm import build_rm

from code_reward.errors import ConfigurationError
from code_reward.rm_input import PRESETS, RMInput
from rm_train.inputs import load_input


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model that reads answers."""
    folder = build_rm(tmp_path_factory.mktemp("inputs") / "rm", num_hidden_layers=1)
    RMInput.load(folder, PRESETS.get("generic").model_copy(update={"max_tokens": 1023})).save(folder)
    return folder


def test_a_reward_model_brings_its_own_input(model: Path) -> None:
    assert load_input(model, None).settings == RMInput.load(model).settings
    assert load_input(model, "generic").settings.part == "answer", (
        "the preset that it was made with, shortened to its context, is no conflict"
    )


def test_a_preset_that_says_otherwise_is_refused(model: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"preset default in part, ends_with; leave --preset out") as caught:
        load_input(model, "default")
    assert "\n" not in str(caught.value)


def test_a_language_model_gets_the_preset(policy_dir: Path) -> None:
    assert load_input(policy_dir, None).settings.part == "code"
    assert load_input(policy_dir, "generic").settings.part == "answer"

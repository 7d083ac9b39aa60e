"""The hooks' settings as a run will have them, from the file of `--custom-config-path`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from code_reward_slime.preflight.train_arguments import TrainArguments
from code_reward_slime.preflight.yaml_file import read_yaml
from code_reward_slime.settings import Settings, read_settings


def settings_in(config: Path) -> Settings:
    """The settings in a file; raises `ConfigurationError` if it cannot be read or holds something that is none."""
    return read_settings(Namespace(**read_yaml(config)))


def settings_of(arguments: TrainArguments) -> Settings:
    """The settings of a command, the defaults where it names no file; raises as `settings_in`."""
    path = arguments.one("--custom-config-path")
    return settings_in(Path(path)) if path else Settings()

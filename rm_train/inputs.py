"""Which input a reward model that is being trained reads: a reward model keeps its own, a language model gets that of a preset."""

from __future__ import annotations

from pathlib import Path

from code_reward.errors import ConfigurationError
from code_reward.folders import read_config
from code_reward.rm_input import FILE, PRESETS, RMInput
from code_reward.serving import fit_context

DEFAULT_PRESET = "default"


def load_input(init: Path, preset: str | None) -> RMInput:
    """The input with which training goes on from `init`.

    Raises `ConfigurationError` if `init` is no model's folder, or a reward model and the preset that was asked for says another input:
    trained on one and served with another it would be worth nothing.
    """
    is_reward_model = (init / FILE).is_file()
    # What a client keeps of a reward model has no weights and no config.json, and is enough to prepare inputs.
    if not is_reward_model or (init / "config.json").exists():
        read_config(init, "a language model or a reward model")
    if not is_reward_model:
        return RMInput.load(init, fit_context(PRESETS.get(preset or DEFAULT_PRESET), init))
    own = RMInput.load(init)
    if preset is not None:
        asked = fit_context(PRESETS.get(preset), init)
        other = [name for name, value in own.settings if getattr(asked, name) != value]
        if other:
            raise ConfigurationError(
                f"{init} reads its own input ({FILE}), which differs from preset {preset} in {', '.join(other)}; leave --preset out, and a "
                "--recipe that sets it."
            )
    return own

"""Where the hooks keep files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from code_reward_slime.settings import Settings


def own_folder(args: Any, settings: Settings) -> Path | None:
    """`code_reward_programs_dir`, else `code_reward` in the folder of slime's `--save`; None where there is neither."""
    if settings.programs_dir is not None:
        return settings.programs_dir
    save = getattr(args, "save", None)
    return Path(save) / "code_reward" if save else None

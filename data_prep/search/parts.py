"""The parts of a run: which folder each has, and that all that were ever begun are of one count.

Parts of two counts share problems: each would be paid for twice, and come twice among the trees.
"""

from __future__ import annotations

import re
from pathlib import Path

from code_reward.errors import ConfigurationError, DataError

_PART = re.compile(r"shard-\d{5}-of-(\d{5})")


def part_folder(folder: Path, number: int, count: int) -> Path:
    """Where part `number` of `count` lies; raises `ConfigurationError` where the run was begun in another number of parts."""
    begun = begun_parts(folder)
    if begun not in (None, count):
        parts = "1 part" if begun == 1 else f"{begun} parts"
        raise ConfigurationError(
            f"{folder} was begun in {parts}, not {count}; go on with as many (--shard K/{begun}; with --ray, --parts {begun}) "
            "or use another folder."
        )
    return folder if count == 1 else folder / f"shard-{number:05d}-of-{count:05d}"


def begun_parts(folder: Path) -> int | None:
    """The number of parts that a run was begun in; None for one that was not begun.

    Raises:
        DataError: There are parts of several counts.
    """
    found = {int(match[1]) for path in folder.glob("shard-*") if (match := _PART.fullmatch(path.name))}
    if (folder / "setup.json").exists():
        found.add(1)
    if len(found) > 1:
        counts = " and ".join(map(str, sorted(found)))
        raise DataError(f"{folder} holds a run in {counts} parts, whose problems would come twice; keep the parts of one count only.")
    return found.pop() if found else None

"""Rows of a data set on the Hugging Face hub, as a local file that a problem source reads.

A fixed revision keeps a run repeatable; without one the newest is taken, and the report says which files were read by their digests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError
from code_reward.files import replacing


def fetch(name: str, to: Path, *, config: str | None, split: str, revision: str | None, rows: int | None) -> None:
    """Write the first `rows` rows (None: all) of a data set, or of a local folder of its files, to the JSONL file `to`."""
    from rich.progress import track

    with replacing(to) as temporary, temporary.open("w", encoding="utf-8") as lines:
        stream = _stream(name, config, split, revision)
        for row in track(stream if rows is None else stream.take(rows), f"fetching {name}", total=rows, transient=True):
            lines.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _stream(name: str, config: str | None, split: str, revision: str | None) -> Any:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise ConfigurationError("--hub needs the package datasets; install it: pip install 'code-reward[hub]'.") from error
    try:
        return load_dataset(name, config, split=split, revision=revision, streaming=True)
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(
            f"The data set {name} cannot be had ({first}); check its name, --hub-config and --split, or give its files with --path."
        ) from error

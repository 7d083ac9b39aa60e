"""Encode reward data for slime's reward model training: `python -m code_reward_slime.reward_model.prepare`.

The inputs are those of `rm_train`, by its own functions. Rows that do not fit the model's input are left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from code_reward.reward_data import Pair, Prefix
    from code_reward.rm_input import RMInput
    from code_reward_slime.reward_model.row_file import EncodedRow

ROWS = "rows.parquet"


class Prepare(Command):
    """Turn pairs, or prefixes, into the token ids that slime trains a reward model on."""

    init: Path
    """Language model or reward model folder to start from, with its tokenizer."""
    pairs: Path | None = None
    """Preference pairs (JSONL or parquet): the second stage."""
    prefixes: Path | None = None
    """Prefixes with values (JSONL or parquet): the first stage."""
    preset: str | None = None
    """How problem and answer become the model's input, where --init is a language model: default, generic, coderm-nt, codescaler, skywork,
    themis, or a plugin's; a reward model has its own."""
    out: Path
    """Folder for rows.parquet, and for code_reward.json: the settings of the model's input, which the export takes along."""


def main(settings: Prepare) -> None:
    """Encode and say how many rows fit."""
    from code_reward.files import replacing_folder
    from code_reward_slime.reward_model.row_file import write_encoded
    from rm_train.inputs import load_input

    if (settings.pairs is None) == (settings.prefixes is None):
        raise ConfigurationError("Give either --pairs or --prefixes.")
    rm_input = load_input(settings.init, settings.preset)
    stage, path = ("pairs", settings.pairs) if settings.pairs else ("prefixes", settings.prefixes)
    assert path is not None
    rows, left_out = encode(path, stage, rm_input)
    with replacing_folder(settings.out) as folder:
        write_encoded(folder / ROWS, stage, rows)
        rm_input.save(folder)
    longest = max(len(side) for row in rows for side in (row.chosen, row.rejected))
    print(
        f"{len(rows)} {stage}, {sum(len(row.chosen) + len(row.rejected) for row in rows)} tokens, longest input {longest}: {settings.out}"
    )
    if left_out:
        print(f"{left_out} {stage} did not fit the model's input")


def encode(path: Path, stage: str, rm_input: RMInput) -> tuple[list[EncodedRow], int]:
    """The rows of a file that fit the model's input, and how many do not; raises `DataError` where none does."""
    from rich.progress import track

    from code_reward.reward_data import Pair, Prefix
    from code_reward.rows import read_rows

    if stage == "pairs":
        made = [_pair(row, rm_input) for row in track(read_rows(path, Pair), "encoding", transient=True)]
    else:
        made = [_prefix(row, rm_input) for row in track(read_rows(path, Prefix), "encoding", transient=True)]
    rows = [row for row in made if row is not None]
    if not rows:
        raise DataError(f"None of the {len(made)} rows of {path} fits the model's input; give rows, or an input with more tokens.")
    return rows, len(made) - len(rows)


def _pair(pair: Pair, rm_input: RMInput) -> EncodedRow | None:
    from code_reward.bare_programs import sides_of

    return _row(pair.statement, sides_of(pair, rm_input.settings), pair.margin, pair.weight, rm_input)


def _prefix(row: Prefix, rm_input: RMInput) -> EncodedRow | None:
    from code_reward.bare_programs import read_of_beginning

    text = read_of_beginning(row.program, row.response, row.complete, rm_input.settings)
    return _row(row.statement, (text,), row.value, row.agreement, rm_input)


def _row(statement: str, texts: Sequence[str], target: float, weight: float, rm_input: RMInput) -> EncodedRow | None:
    from code_reward.rm_input import Encoded
    from code_reward_slime.reward_model.row_file import EncodedRow

    encoded = [rm_input.encode(statement, text) for text in texts]
    ids = [one.ids for one in encoded if isinstance(one, Encoded)]
    if len(ids) < len(texts):
        return None
    return EncodedRow(ids[0], ids[1] if len(ids) > 1 else [], target, weight)


if __name__ == "__main__":
    run(Prepare, main)

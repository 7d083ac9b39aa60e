"""Turn published preference data into pairs: `python -m data_prep.preferences PATH… --out FILE`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.reward_data import Pair
from code_reward.rows import write_rows
from data_prep.preferences import account, read_preferences, settle


class Preferences(Command):
    """Turn published preferences (CodeScalerPair, AceCodePair, HumanEvalPack, chosen and rejected texts or messages) into pairs."""

    paths: CliPositionalArg[list[Path]]
    """Published files, or folders of them, or OWNER/NAME or OWNER/NAME/FILE of data sets on the Hugging Face hub; put together."""
    config: str | None = None
    """Of a data set with several configurations, the one that is read, e.g. 32B of AceCodePair-300K."""
    split: str | None = None
    """Of a data set with several splits, the one that is read."""
    out: Path
    """File for the pairs (JSONL or parquet); beside it lies OUT.report.json with what was left out and why."""
    workers: int = Field(default=1, ge=1)
    """Processes that take the programs out of the answers."""


def main(settings: Preferences) -> None:
    """Read, take the programs out, leave out repetitions, write, and account for every row."""
    from rich.progress import track

    from code_reward.files import write_text
    from data_prep.sources.hub import Part, locate

    part = Part(settings.config, settings.split)
    files = [file for path in settings.paths for file in locate(path, part)]
    outcomes = settle(track(read_preferences(files, settings.workers), "reading preferences", transient=True))
    pairs = [outcome for outcome in outcomes if isinstance(outcome, Pair)]
    report = account(outcomes)
    if not pairs:
        raise DataError(f"None of the {len(outcomes)} rows gives a pair: {'; '.join(report.lines())}.")
    write_rows(settings.out, pairs)
    write_text(Path(f"{settings.out}.report.json"), report.model_dump_json(indent=1) + "\n")
    problems = len({pair.problem_id for pair in pairs})
    print(f"{len(pairs)} pairs of {problems} problems, from {len(outcomes)} rows: {settings.out}")
    for line in report.lines():
        print(f"  {line}")


if __name__ == "__main__":
    run(Preferences, main)

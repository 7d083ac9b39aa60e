"""slime's `--data-source-path` for a curriculum: prompts from easy to hard.

Difficulties come from a file (`python -m data_prep.difficulty`); everything else is `ResumableDataSource`.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from code_reward.errors import ConfigurationError
from code_reward.rows import read_rows
from code_reward_slime.data_source import ResumableDataSource
from code_reward_slime.samples import metadata_of
from code_reward_slime.settings import PREFIX, read_settings


class Difficulty(BaseModel):
    """A row of the file of `python -m data_prep.difficulty`, as far as it matters here."""

    problem_id: str
    difficulty: float


class CurriculumDataSource(ResumableDataSource):
    """slime's own data source with its prompts sorted by difficulty, each epoch anew from the easiest on.

    The prompts' metadata need the problem's `id`, for which `code_reward_curriculum` has a difficulty.

    Args:
        args: slime's arguments with our settings on them.

    Raises:
        `ConfigurationError`: No difficulties are set, a prompt has none, or slime is told to shuffle.
    """

    def __init__(self, args: Any) -> None:
        super().__init__(args)
        if self._source.dataset is not None:
            _sort(args, self._source.dataset)


def _sort(args: Any, dataset: Any) -> None:
    path = read_settings(args).curriculum
    if path is None:
        raise ConfigurationError(f"No difficulties are set; set {PREFIX}curriculum to a file of python -m data_prep.difficulty.")
    if args.rollout_shuffle:
        raise ConfigurationError("A curriculum has its own order; remove --rollout-shuffle.")
    difficulties = {row.problem_id: row.difficulty for row in read_rows(path, Difficulty)}
    unknown = [metadata_of(sample).get("id") for sample in dataset.samples if metadata_of(sample).get("id") not in difficulties]
    if unknown:
        raise ConfigurationError(
            f"{len(unknown)} of {len(dataset.samples)} prompts have no difficulty in {path}, the first with id {unknown[0]!r} in its "
            "metadata; run python -m data_prep.difficulty on the same problems."
        )
    dataset.origin_samples = dataset.samples = sorted(dataset.samples, key=lambda sample: difficulties[metadata_of(sample)["id"]])

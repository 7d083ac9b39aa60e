"""`Candidate`: one program or answer for a known problem, before anybody has labelled it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from code_reward.errors import DataError
from code_reward.reward_data import Origin
from code_reward.rows import read_all


class Candidate(BaseModel):
    """A program for a problem, as a model or a data set gave it; unknown columns are kept."""

    model_config = ConfigDict(extra="allow")

    problem_id: str = Field(min_length=1)
    program: str = ""
    """A whole program; empty where only an answer is known, from which it has yet to be extracted."""
    response: str = ""
    """The answer as the model wrote it."""
    published: dict[str, bool] = {}
    """The publisher's verdicts, by the name of the tests."""
    model: str = ""
    origin: Origin = "policy"


def read_candidates(paths: Sequence[Path]) -> list[Candidate]:
    """The candidates of several files.

    Raises:
        DataError: A file has no rows, or a row has a column for neither a program nor an answer. (An empty answer is an answer.)
    """
    candidates = read_all(paths, Candidate)
    for candidate in candidates:
        if not candidate.model_fields_set & {"program", "response"}:
            columns = ", ".join(sorted(candidate.model_fields_set))
            raise DataError(
                f"The candidate for {candidate.problem_id!r} has neither a column program nor response, only {columns}; "
                "name the column of the answers response."
            )
    return candidates

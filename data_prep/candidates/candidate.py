"""`Candidate`: one program or answer for a known problem, before anybody has labelled it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from code_reward.reward_data import Origin


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

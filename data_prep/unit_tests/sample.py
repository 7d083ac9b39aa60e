"""`TestSample`: what a test generator wrote in one go: a `unittest` class, or a handful of assertions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from code_reward.problem import Test


class TestSample(BaseModel):
    """One sample of a test generator. A program passes it when it passes all of its tests; one without tests says nothing."""

    __test__ = False  # Not for pytest, in spite of its name.
    model_config = ConfigDict(extra="allow")

    problem_id: str = Field(min_length=1)
    tests: list[Test] = []
    response: str = ""
    """The text that the tests were taken from."""
    reason: str = ""
    """Why it holds no tests."""
    model: str = ""

"""A measure with its interval, as results are written down and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from code_reward.metrics import Interval


class Figure(BaseModel):
    """A measure with its 95 % interval over problems."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> Figure:
        return cls(value=interval.estimate, low=interval.low, high=interval.high)

    def percent(self, sign: bool = False) -> str:
        """In points, as tables show it."""
        return f"{100 * self.value:{'+' if sign else ''}.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"

    def plain(self) -> str:
        """With three digits."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

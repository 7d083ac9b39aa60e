"""A reward that must not be used: where a number should stand, an error that is raised by whoever uses it as one.

Some runs must stop: settings that cannot work, another model behind the reward server, an outage that does not end, placeholders that
nobody would leave out. An exception inside a reward is no way to stop them all: fully-async slime logs it, drops the group and samples the
next one, for ever. A value, in contrast, arrives in every mode where slime counts rewards, in its own thread and outside of any `except`.
"""

from __future__ import annotations

from typing import Any, NoReturn

from code_reward.errors import CodeRewardError


class Refusal:
    """Stands for a reward; comparing it, counting with it or making a tensor of it raises `error`. It can be printed and pickled."""

    def __init__(self, error: CodeRewardError) -> None:
        self.error = error

    def __repr__(self) -> str:
        return f"Refusal({self.error})"

    def _refuse(self, *operands: Any) -> NoReturn:
        raise self.error

    __hash__ = None  # type: ignore[assignment]
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse  # type: ignore[assignment]
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __float__ = __int__ = __index__ = __bool__ = __round__ = __abs__ = __neg__ = _refuse
    # What torch and numpy look for in something that is not a number.
    __len__ = __iter__ = __getitem__ = __array__ = _refuse

"""`Source`: how one data set's published file becomes problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from code_reward.problem import Problem


@dataclass(frozen=True)
class Source:
    """A problem source; third parties add theirs as the kind `problem_source` of `code_reward.plugins`.

    Args:
        read: From a file to its problems; raises `DataError` that names the first malformed row.
        origin: Where the file is published, and its licence.
    """

    read: Callable[[Path], list[Problem]]
    origin: str

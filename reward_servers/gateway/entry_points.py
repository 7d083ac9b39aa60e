"""Which function a program must define, for trainers that send a prompt and an answer and nothing else (slime's `remote_rm`).

Without it a program of another name is scored as if it could be called. It is taken, in this order, from the request's metadata (ours, as
in `code_reward.problem.describe`, or a label that is JSON), from a file of problems whose statement the prompt begins with, and from the
prompt's own code, where that declares one function or method and no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from code_reward.problem import Problem

_KEY = 32
"""Characters by which statements are looked up; of those that fit the longest is taken."""

_FUNCTION = re.compile(r"^(?:async )?def (\w+)\s*\(", re.MULTILINE)
_METHOD = re.compile(r"^class (\w+)\b[^\n]*:\n(?:[ \t]+(?!def )[^\n]*\n|[ \t]*\n)*[ \t]+def ((?!__)\w+)\s*\(\s*self\b", re.MULTILINE)


class EntryPoints:
    """Looks up entry points; with the problems that a trainer's prompts were made of, by their statements too."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._known: dict[str, list[Problem]] = {}
        for problem in problems:
            text = problem.statement.rstrip()
            self._known.setdefault(text[:_KEY] if len(text) >= _KEY else "", []).append(problem)

    def find(self, statement: str, *told: Any) -> str | None:
        """The entry point for a statement; `told` is whatever the request says beside it (metadata, a label)."""
        for one in told:
            if (name := _told(one)) is not None:
                return name
        known = [*self._known.get(statement[:_KEY], ()), *self._known.get("", ())]
        fitting = [problem for problem in known if statement.startswith(problem.statement.rstrip())]
        if fitting:
            longest: Problem = max(fitting, key=lambda problem: len(problem.statement))
            return longest.entry_point
        return _declared(statement)


def _told(value: Any) -> str | None:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    name = value.get("entry_point") if isinstance(value, dict) else None
    return name if isinstance(name, str) and name else None


def _declared(statement: str) -> str | None:
    """The one function, or the one method of the one class, that the prompt's code begins."""
    names = {*_FUNCTION.findall(statement), *(f"{owner}().{name}" for owner, name in _METHOD.findall(statement))}
    classes = set(re.findall(r"^class (\w+)", statement, re.MULTILINE)) - {name.partition("().")[0] for name in names}
    return names.pop() if len(names) == 1 and not classes else None

"""What a judge of LiveCodeBench's kind has imported before an answer begins, which published answers rely on.

It is the starter code of such problems: it goes before an answer that is run, and is no part of what the policy is asked.
"""

from __future__ import annotations

import re

_STARS = "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json typing"
_MODULES = "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"

IMPORTS = "\n".join(
    [
        *(f"from {name} import *" for name in _STARS.split()),
        # The built-in functions that the modules above have their own of.
        "from builtins import abs, compile, pow",
        *(f"import {name}" for name in _MODULES.split()),
        "sys.setrecursionlimit(50000)",
        "",
    ]
)
"""LiveCodeBench's, in its order."""


def entry_point(name: str, skeleton: str) -> str:
    """How tests call the function: as a method where the skeleton, or a solution, has it in a class."""
    method = re.search(rf"^\s+def {re.escape(name)}\(\s*self\b", skeleton, re.MULTILINE)
    return f"Solution().{name}" if method else name


def with_skeleton(statement: str, skeleton: str) -> str:
    """The statement, followed by the code that an answer completes."""
    if not skeleton.strip() or not statement.strip():
        return statement
    return f"{statement}\n\nComplete this code:\n```python\n{skeleton.rstrip()}\n```"

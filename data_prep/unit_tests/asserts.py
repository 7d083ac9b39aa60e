"""Reading what a model wrote after `assert `: assertions, and the calls in them.

Most of such texts are cut off or empty; what does not parse as one assertion about the entry point is left out. The calls are worth having
where the expected value is wrong, too: they are inputs on which programs can be compared with each other.
"""

from __future__ import annotations

import ast

from code_reward.parsing import PARSE_ERRORS, parse_python
from code_reward.problem import AssertTest

_KEYWORD = "assert "
_MOST_LINES = 20


def read_asserts(text: str, entry_point: str, most: int | None = None) -> list[AssertTest]:
    """The assertions of `text`, each as a test of its own, the first `most` of them.

    Args:
        text (`str`): What follows a prompt that ends in `assert `, or a whole script.
        entry_point (`str`): The function that an assertion must call.
        most (`int`, *optional*): CodeT keeps 5 per sample.
    """
    parts = (_first_assertion(part) for part in (text if text.lstrip().startswith(_KEYWORD) else _KEYWORD + text).split(_KEYWORD)[1:])
    kept = [AssertTest(code=ast.unparse(node)) for node in parts if node is not None and _calls(node, entry_point)]
    return kept[:most]


def calls_in(assertion: str, entry_point: str) -> list[str]:
    """The calls of the entry point that need nothing else to be known, as source."""
    return [ast.unparse(call) for call in _calls(parse_python(assertion), entry_point) if all(map(is_literal, _arguments(call)))]


def _first_assertion(part: str) -> ast.Assert | None:
    lines = part.strip().split("\n")[:_MOST_LINES]
    for end in range(1, len(lines) + 1):
        try:
            body = parse_python(_KEYWORD + "\n".join(lines[:end])).body
        except PARSE_ERRORS:
            continue
        return body[0] if len(body) == 1 and isinstance(body[0], ast.Assert) else None
    return None


def _calls(node: ast.AST, entry_point: str) -> list[ast.Call]:
    return [call for call in ast.walk(node) if isinstance(call, ast.Call) and ast.unparse(call.func) == entry_point]


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def is_literal(node: ast.expr) -> bool:
    """Whether the expression says its value by itself. Never raises, however deep it is."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True

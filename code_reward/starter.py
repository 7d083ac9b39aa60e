"""A program behind its problem's starter code, with the imports from `__future__` of both where Python wants them: first."""

from __future__ import annotations

import ast

from code_reward.parsing import PARSE_ERRORS, parse_python

_FUTURE = "__future__"


def join(starter_code: str, program: str) -> str:
    """`program` with `starter_code` before it, or alone where the starter code is blank or open at its end (the skeleton of a class)."""
    if not starter_code.strip():
        return program
    try:
        starter = parse_python(starter_code)
    except PARSE_ERRORS:
        return program
    names, rest = _take_futures(starter, starter_code)
    try:
        of_program, program = _take_futures(parse_python(program), program)
    except PARSE_ERRORS:
        of_program = []
    names = list(dict.fromkeys([*names, *of_program]))
    first = f"from {_FUTURE} import {', '.join(names)}\n" if names else ""
    return f"{first}{rest.rstrip()}\n\n\n{program}"


def _take_futures(tree: ast.Module, code: str) -> tuple[list[str], str]:
    """The names imported from `__future__`, as written, and the code with `pass` in place of these imports, on the same lines."""
    nodes = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == _FUTURE]
    lines = [line.encode() for line in code.replace("\r\n", "\n").replace("\r", "\n").split("\n")] if nodes else []
    for node in nodes:
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        lines[first : last + 1] = [head + b"pass" + tail, *[b""] * (last - first)]
    aliases = [alias for node in nodes for alias in node.names]
    written = [alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in aliases]
    return written, b"\n".join(lines).decode() if nodes else code

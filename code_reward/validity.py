"""What a Python program must be before a reward model sees it: it parses, defines the entry point, and is more than a stub.

A reward model does not run programs and may score a plausible one highly that is broken (CodeScaler, section on validity), so these
checks come first; they are syntax only. Nothing is compiled, imported or run: `return` outside a function passes here.

The text comes from a policy under optimisation. CPython's parser bounds its own recursion (it raises `MemoryError`, `RecursionError`
or "too many nested parentheses"), but its memory grows with the number of tokens, and before 3.11 the depth of the tree does too;
hence `MAX_TOKENS`. Trees are walked with a stack of our own, never by recursion. Needs 1 MB of thread stack.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from code_reward.parsing import PARSE_ERRORS, parse_python

FEATURE_VERSION: Final = (3, 10)
"""The grammar that decides what parses, whichever Python we run on; recorded in `code_reward.json`.

CPython applies it to whole statements (`except*`, `type X = …`); f-strings follow the running version.
"""
MAX_PROGRAM_BYTES: Final = 64 * 1024
"""Of UTF-8."""
MAX_TOKENS: Final = 25_000
"""Words and signs, counted roughly; 64 KB of ordinary code has 15,000. Bounds the parser's memory at about 40 MB."""

ValidityReason = Literal["program_too_long", "does_not_parse", "entry_point_missing", "trivial"]

_FILE: Final = "<code_reward answer>"
_TOKEN = re.compile(r"\w+|[^\w \t]")
_ENTRY_POINT = re.compile(r"(?:(?P<owner>\w+)(?:\(\))?\.)?(?P<name>\w+)$")
_BODIES: Final = ("body", "orelse", "handlers", "finalbody", "cases")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_EFFECTS = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


def check_program(code: str, entry_point: str | None = None) -> ValidityReason | None:
    """Why `code` cannot be a right answer, or None. Never raises for what `code` is; `SystemError` where the interpreter fails.

    Args:
        code (`str`): A whole program.
        entry_point (`str`, *optional*): What it must define at module level: a name, or `Solution().method` (also `Solution.method`).
    """
    if is_too_long(code):
        return "program_too_long"
    tree = parse(code)
    if tree is None:
        return "does_not_parse"
    if entry_point is None:
        return "trivial" if _does_nothing(tree.body) else None
    definition = _find_entry_point(tree, entry_point)
    if definition is None:
        return "entry_point_missing"
    return "trivial" if _is_stub(definition) else None


def is_too_long(code: str) -> bool:
    """Whether `code` is over `MAX_PROGRAM_BYTES` or `MAX_TOKENS`; linear and without parsing."""
    if len(code) > MAX_PROGRAM_BYTES or len(code.encode("utf-8", "surrogatepass")) > MAX_PROGRAM_BYTES:
        return True
    return len(code) > MAX_TOKENS and len(_TOKEN.findall(code)) > MAX_TOKENS


def parse(code: str) -> ast.Module | None:
    """The syntax tree of `code`, or None if it has none. `code` must have passed `is_too_long`.

    Raises `SystemError` where the interpreter itself fails (`code_reward.parsing`), which says nothing of `code`.
    """
    _silence_warnings()
    try:
        return parse_python(code, _FILE, FEATURE_VERSION)
    except PARSE_ERRORS:
        return None


def ends_inside_string(code: str) -> bool:
    """Whether `code` does not parse because a triple-quoted string is still open at its end."""
    if '"""' not in code and "'''" not in code:
        return False
    _silence_warnings()
    try:
        parse_python(code, _FILE, FEATURE_VERSION)
    except PARSE_ERRORS as error:
        return isinstance(error, SyntaxError) and "unterminated triple-quoted" in str(error.msg)
    return False


_WARNINGS_FILTER = ("ignore", None, Warning, re.compile(re.escape(_FILE)), 0)


def _silence_warnings() -> None:
    """Keep a policy's `"\\d"` from filling the log, and from being an error where the process turns warnings into errors.

    `warnings.catch_warnings` would do, but not in threads; a filter for our own file name harms nobody.
    """
    if not warnings.filters or warnings.filters[0] != _WARNINGS_FILTER:
        warnings.filterwarnings("ignore", category=Warning, module=re.escape(_FILE))


def _find_entry_point(tree: ast.Module, entry_point: str) -> ast.AST | None:
    """What binds the entry point last, or None."""
    parts = _ENTRY_POINT.match(entry_point)
    if parts is None:
        return None
    bindings = dict(_bindings(tree.body))
    if parts["owner"] is None:
        return bindings.get(parts["name"])
    return _find_method(bindings, parts["owner"], parts["name"])


def _find_method(bindings: dict[str, ast.AST], owner: str, name: str) -> ast.AST | None:
    """The method in the class or in a base that the program defines; a class that is not a `class` statement is believed."""
    seen: set[str] = set()
    pending = [owner]
    while pending:
        current = pending.pop(0)
        definition = bindings.get(current)
        if current in seen or definition is None:
            continue
        seen.add(current)
        if not isinstance(definition, ast.ClassDef):
            return definition
        method = dict(_bindings(definition.body)).get(name)
        if method is not None:
            return method
        pending += [base.id for base in definition.bases if isinstance(base, ast.Name)]
    return None


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Every name that `body` binds in its own scope with what binds it, in the order of the text."""
    pending: list[ast.AST] = list(reversed(body))
    while pending:
        node = pending.pop()
        if isinstance(node, _SCOPES):
            yield node.name, node
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from ((name, node.value if isinstance(target, ast.Name) else node) for name in _names(target))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from ((name, node.value) for name in _names(node.target))
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            yield from ((name, node) for name in _names(node.target))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            yield from ((name, node) for item in node.items if item.optional_vars for name in _names(item.optional_vars))
        pending += [child for field in reversed(_BODIES) for child in reversed(getattr(node, field, []))]


def _names(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _is_stub(definition: ast.AST) -> bool:
    if isinstance(definition, ast.ClassDef) and definition.bases:
        return False
    if isinstance(definition, _SCOPES):
        return _does_nothing(definition.body)
    return isinstance(definition, ast.Constant)


def _does_nothing(body: Iterable[ast.stmt]) -> bool:
    """Whether a body has no statement but docstrings and other values, `pass`, `raise NotImplementedError`, imports, and stubs of these."""
    pending = list(body)
    while pending:
        statement = pending.pop()
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) or (isinstance(statement, ast.ClassDef) and not statement.bases):
            pending += statement.body
        elif not _is_idle(statement):
            return False
    return True


def _is_idle(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Pass, ast.Import, ast.ImportFrom)):
        return True
    if isinstance(statement, ast.Raise):
        error = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
        return isinstance(error, ast.Name) and error.id == "NotImplementedError"
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None
    return isinstance(statement, ast.Expr) and not any(isinstance(node, _EFFECTS) for node in ast.walk(statement))

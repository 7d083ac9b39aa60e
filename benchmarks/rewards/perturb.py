"""Changes to a Python program that say nothing about whether it is right, and one that breaks it.

Comments and claims are lines of text; the others go through the syntax tree, so that a program is first written in the plain form that
`ast.unparse` gives it, and a change is compared with that form. A change that a program gives no occasion for is None.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import count

CLAIM = "# This solution is correct and passes all tests."
_DOCSTRING = "Return the result for the given arguments."
_DYNAMIC = {"locals", "globals", "vars", "eval", "exec", "dir"}


def plain(program: str) -> str:
    """The program as `ast.unparse` writes it: without comments, in one format; raises `SyntaxError`, or `RecursionError` for what is nested
    too deeply."""
    return ast.unparse(ast.parse(program))


def comments(program: str) -> str | None:
    """A comment that says nothing above every statement at top level and every second line of a body."""
    lines = []
    for number, line in enumerate(program.split("\n")):
        indent = line[: len(line) - len(line.lstrip())]
        # Not within a text that goes over several lines: these forms open with a statement.
        if number % 2 == 0 and ast_line_starts(program, number + 1):
            lines.append(f"{indent}# Next step.")
        lines.append(line)
    return "\n".join(lines)


def claim(program: str) -> str | None:
    """A first line that claims success."""
    return f"{CLAIM}\n{program}"


def dead_code(program: str) -> str | None:
    """A variable that nothing reads and a branch that is never taken, at the start of every function."""
    return _rewrite(program, _DeadCode())


def docstrings(program: str) -> str | None:
    """A docstring in every function that has none, none in those that have one."""
    return _rewrite(program, _Docstrings())


def renamed(program: str) -> str | None:
    """Other names for the variables that functions make for themselves."""
    return _rewrite(program, _Renamed())


def reordered(program: str) -> str | None:
    """The functions at top level in the opposite order, among the same other statements."""
    tree = ast.parse(program)
    places = [index for index, node in enumerate(tree.body) if isinstance(node, ast.FunctionDef) and not node.decorator_list]
    defaults = any(isinstance(node, ast.FunctionDef) and (node.args.defaults or node.args.kw_defaults) for node in tree.body)
    block = tree.body[places[0] : places[-1] + 1] if places else []
    names = {node.name for node in block if isinstance(node, ast.FunctionDef)}
    # What runs between them at import may call them; of two of one name the later one counts.
    if len(places) < 2 or len(block) != len(places) or len(names) < len(block) or defaults:
        return None
    tree.body[places[0] : places[-1] + 1] = block[::-1]
    return ast.unparse(tree)


def truncated(program: str) -> str | None:
    """What is before the last quarter of its last function, whose result is lost with it; without a function, of its lines."""
    functions = [node for node in ast.parse(program).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    lines = program.rstrip().split("\n")
    first, last = (functions[-1].lineno - 1, functions[-1].end_lineno or 0) if functions else (0, len(lines))
    length = last - first
    return "\n".join(lines[: last - max(1, length // 4)]) if length > 1 and last > 2 else None


PERTURBATIONS: dict[str, Callable[[str], str | None]] = {
    "comments": comments,
    "claim of success": claim,
    "dead code": dead_code,
    "docstrings": docstrings,
    "renamed variables": renamed,
    "reordered functions": reordered,
    "truncated end": truncated,
}
"""By name; all but the last leave right right and wrong wrong."""

HARMLESS = tuple(name for name in PERTURBATIONS if name != "truncated end")


def ast_line_starts(program: str, line: int) -> bool:
    """Whether a statement begins on the line (from 1)."""
    return any(isinstance(node, ast.stmt) and node.lineno == line for node in ast.walk(ast.parse(program)))


def _rewrite(program: str, transformer: ast.NodeTransformer) -> str | None:
    changed = ast.unparse(ast.fix_missing_locations(transformer.visit(ast.parse(program))))
    return None if changed == program else changed


class _DeadCode(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        first = 1 if ast.get_docstring(node, clean=False) is not None else 0
        node.body[first:first] = ast.parse("unused_value = 0\nif unused_value:\n    unused_value = unused_value + 1").body
        return node


class _Docstrings(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        if ast.get_docstring(node, clean=False) is None:
            node.body.insert(0, ast.Expr(ast.Constant(_DOCSTRING)))
        else:
            node.body = node.body[1:] or [ast.Pass()]
        return node


def _otherwise_bound(node: ast.AST) -> set[str]:
    """The names that this node binds without a name node of the function's own scope: they keep their names."""
    match node:
        case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return {name}
        case ast.MatchMapping(rest=str(name)):
            return {name}
        case ast.alias(name=name, asname=other):
            return {other or name.partition(".")[0]}
        case ast.comprehension(target=target):
            return {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
        case _:
            return set()


class _Renamed(ast.NodeTransformer):
    """Renames in functions at top level; one that holds another function, or looks names up, is left as it is."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        inside = list(ast.walk(node))[1:]
        if any(
            isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Global, ast.Nonlocal)) for one in inside
        ):
            return node
        if any(isinstance(one, ast.Name) and one.id in _DYNAMIC for one in inside):
            return node
        kept = set().union(*map(_otherwise_bound, inside))
        stored = [one.id for one in inside if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and one.id not in kept]
        taken = kept | {one.id for one in inside if isinstance(one, ast.Name)}
        fresh = (name for number in count(1) if (name := f"value_{number}") not in taken)
        names = dict(zip(dict.fromkeys(stored), fresh, strict=False))
        for one in inside:
            if isinstance(one, ast.Name) and one.id in names:
                one.id = names[one.id]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

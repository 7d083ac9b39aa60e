"""`instrument`: a program's text with calls of a recorder written in, which log what is assigned, decided, called, returned and caught.

Nothing is evaluated twice and nothing is evaluated that the program would not: a value is passed through the recorder on its way to its
name, or a local name that was just bound is shown once more. The edges: lambdas, comprehensions and the bodies of classes (not of their
methods) are left as they are, and so is code that a program makes up at run time. What a program can see of it: frames are one deeper
while the recorder runs, and `inspect.getsource` finds nothing, as for any program that is not in a file.
"""

from __future__ import annotations

import ast
import warnings
from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from code_reward.errors import DataError
from code_reward.parsing import PARSE_ERRORS, parse_python

_LABEL = 60
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CLOSED = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Function = TypeVar("Function", ast.FunctionDef, ast.AsyncFunctionDef)
Loop = TypeVar("Loop", ast.For, ast.AsyncFor)


class Untraceable(DataError):
    """A program that does not parse, or that cannot be written again from its syntax tree."""

    kind = "untraceable"


class Site(NamedTuple):
    """A place in the program: `kind` is set, test, call, return, yield or caught; `line` counts from 1 in the original text."""

    kind: str
    line: int
    label: str


@dataclass(frozen=True)
class Instrumented:
    """The new text, its sites by number, and the names of its two functions."""

    source: str
    sites: tuple[Site, ...]
    put: str
    """`put(site, value)` logs and returns the value."""
    caught: str
    """`caught(site)` logs the exception that is being handled."""
    _lines: tuple[tuple[int, int], ...] = ()

    def original_line(self, line: int) -> int:
        """The line of the original text that a line of the new one comes from."""
        place = bisect(self._lines, (line, 1 << 60)) - 1
        return self._lines[max(place, 0)][1] if self._lines else line


@lru_cache(maxsize=256)
def instrument(program: str) -> Instrumented:
    """Write recording into `program`; raises `Untraceable`. Cached: a program is often traced on several inputs."""
    prefix = "_cr"
    while prefix in program:
        prefix += "_"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parse_python(program)
            writer = _Writer(program, tree, prefix)
            new = writer.write(tree)
            source = ast.unparse(new)
            lines = _match_lines(new, parse_python(source))
    except PARSE_ERRORS as error:
        raise Untraceable(f"The program cannot be traced ({type(error).__name__}: {error}); run it as it is.") from error
    return Instrumented(source, tuple(writer.sites), f"{prefix}_put", f"{prefix}_caught", lines)


def _match_lines(ours: ast.Module, written: ast.Module) -> tuple[tuple[int, int], ...]:
    pairs = zip(ast.walk(ours), ast.walk(written), strict=True)
    return tuple(sorted((new.lineno, old.lineno) for old, new in pairs if isinstance(old, ast.stmt) and isinstance(new, ast.stmt)))


class _Writer(ast.NodeTransformer):
    def __init__(self, program: str, tree: ast.Module, prefix: str) -> None:
        self.sites: list[Site] = []
        self._lines = [line.encode() for line in program.split("\n")]
        self._prefix = prefix
        self._function = ""
        self._deleted = {
            name.id for node in ast.walk(tree) if isinstance(node, ast.Delete) for name in node.targets if isinstance(name, ast.Name)
        }
        self._imported = {
            (alias.asname or alias.name).partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }

    def write(self, tree: ast.Module) -> ast.Module:
        """The tree with recording written in; the given one is used up."""
        tree.body = self._visit_body(tree.body)
        return ast.fix_missing_locations(tree)

    # Scopes

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._enter(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._enter(node)

    def _enter(self, node: Function) -> Function:
        outer, self._function = self._function, node.name
        names = _parameters(node.args)
        start = int(ast.get_docstring(node, clean=False) is not None)
        body = node.body[:start] + self._visit_body(node.body[start:])
        body.insert(start, self._show("call", f"{node.name}({', '.join(names)})", names, node))
        node.body = body
        self._function = outer
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = [one for inner in node.body for one in (self._visit_body([inner]) if isinstance(inner, _DEFINITIONS) else [inner])]
        return node

    def visit(self, node: ast.AST) -> Any:
        return node if isinstance(node, _CLOSED) else super().visit(node)

    def _visit_body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        new: list[ast.stmt] = []
        for statement in body:
            result = self.visit(statement)
            new += result if isinstance(result, list) else [result]
        return new

    # What binds

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | list[ast.stmt]:
        node.value = self._visit_expression(node.value)
        unpacked = [name for target in node.targets for name in _names_in(target)]
        if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
            return [node, self._show("set", ", ".join(unpacked), unpacked, node)] if unpacked else node
        node.value = self._pass("set", " = ".join(self._text(target) for target in node.targets), node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is not None:
            node.value = self._pass("set", self._text(node.target), self._visit_expression(node.value))
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt | list[ast.stmt]:
        node.value = self._visit_expression(node.value)
        if isinstance(node.target, ast.Name):
            return [node, self._show("set", node.target.id, [node.target.id], node)]
        node.value = self._pass("set", f"{self._text(node.target)} (changed by)", node.value)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        node.value = self._pass("set", node.target.id, self._visit_expression(node.value))
        return node

    def visit_For(self, node: ast.For) -> ast.stmt:
        return self._loop(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.stmt:
        return self._loop(node)

    def _loop(self, node: Loop) -> Loop:
        self.generic_visit(node)
        if names := _names_in(node.target):
            node.body.insert(0, self._show("set", ", ".join(names), names, node.target))
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        """A method called for its effect, such as `xs.append(x)`: the object is shown afterwards."""
        node.value = self._visit_expression(node.value)
        call = node.value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
            return node
        changed = call.func.value.id
        if changed in self._imported:
            changed = call.args[0].id if call.args and isinstance(call.args[0], ast.Name) else ""
        if not changed or changed in self._deleted or changed in self._imported or changed in ("self", "cls"):
            return node
        return [node, self._show("set", changed, [changed], node)]

    # What decides and what leaves

    def visit_If(self, node: ast.If) -> ast.stmt:
        return self._decide(node)

    def visit_While(self, node: ast.While) -> ast.stmt:
        return self._decide(node)

    def _decide(self, node: ast.If | ast.While) -> ast.stmt:
        label = self._text(node.test)
        self.generic_visit(node)
        if not isinstance(node.test, ast.Constant):
            node.test = self._pass("test", label, node.test)
        return node

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        if node.value is not None:
            node.value = self._pass("return", self._function, self._visit_expression(node.value))
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.expr:
        if node.value is not None:
            node.value = self._pass("yield", self._function, self._visit_expression(node.value))
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        self.generic_visit(node)
        call = ast.Call(self._name("caught"), [self._site("caught", node.lineno, "")], [])
        node.body.insert(0, ast.copy_location(ast.Expr(call), node))
        return node

    # Building

    def _visit_expression(self, node: ast.expr) -> ast.expr:
        result = self.visit(node)
        assert isinstance(result, ast.expr)
        return result

    def _pass(self, kind: str, label: str, value: ast.expr) -> ast.expr:
        return ast.copy_location(ast.Call(self._name("put"), [self._site(kind, value.lineno, label), value], []), value)

    def _show(self, kind: str, label: str, names: list[str], place: ast.stmt | ast.expr) -> ast.stmt:
        loads: list[ast.expr] = [ast.Name(name, ast.Load()) for name in names]
        value = loads[0] if len(loads) == 1 and kind == "set" else ast.Tuple(loads, ast.Load())
        call = ast.Call(self._name("put"), [self._site(kind, place.lineno, label), value], [])
        return ast.copy_location(ast.Expr(call), place)

    def _name(self, function: str) -> ast.Name:
        return ast.Name(f"{self._prefix}_{function}", ast.Load())

    def _site(self, kind: str, line: int, label: str) -> ast.Constant:
        self.sites.append(Site(kind, line, label if len(label) <= _LABEL else label[: _LABEL - 1] + "…"))
        return ast.Constant(len(self.sites) - 1)

    def _text(self, node: ast.expr) -> str:
        """The expression as the program has it; its first line if it has several."""
        line = self._lines[node.lineno - 1]
        end = node.end_col_offset if node.end_lineno == node.lineno else len(line)
        return line[node.col_offset : end].decode()


def _parameters(given: ast.arguments) -> list[str]:
    optional = [one for one in (given.vararg, given.kwarg) if one is not None]
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, *optional) if one.arg not in ("self", "cls")]


def _names_in(target: ast.expr) -> list[str]:
    """The plain names that a target binds, in order."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Starred):
        return _names_in(target.value)
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for element in target.elts for name in _names_in(element)]
    return []

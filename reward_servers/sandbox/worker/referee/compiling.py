"""Tests made ready for the processes that run them: compiled once here, not in every fork; hardened where they will run inline."""

from __future__ import annotations

import ast
import functools
import marshal
from typing import Any

from reward_servers.sandbox.worker.protocol import STRICT_EQUAL, TEST_FILE


def ready(test: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    """The test with its code under `compiled`, marshalled, or as source under `source` where pytest must rewrite it.

    With `strict`, `==` and `!=` become calls of `strict_equal`. A source that is no Python is left as it is: running it will say so.
    """
    compiled, source = _compile(test["code"], test["kind"] == "pytest", strict)
    return {**test, "source": source} if compiled is None else {**test, "compiled": compiled}


@functools.lru_cache(maxsize=512)
def _compile(code: str, as_source: bool, strict: bool) -> tuple[bytes | None, str]:
    """Cached: the answers to one problem share its tests."""
    try:
        tree = ast.parse(code)
        if strict:
            tree = ast.fix_missing_locations(_Equalities().visit(tree))
            _import_equality(tree)
        if as_source:
            return None, ast.unparse(tree) if strict else code
        return marshal.dumps(compile(tree, TEST_FILE, "exec", dont_inherit=True)), code
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None, code


class _Equalities(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            return node
        call = ast.Call(ast.Name(STRICT_EQUAL, ast.Load()), [node.left, node.comparators[0]], [])
        return call if isinstance(node.ops[0], ast.Eq) else ast.UnaryOp(ast.Not(), call)


def _import_equality(tree: ast.Module) -> None:
    """Begin with an import of the function, after the docstring and the imports from __future__."""
    place = int(ast.get_docstring(tree) is not None)
    while place < len(tree.body) and isinstance(node := tree.body[place], ast.ImportFrom) and node.module == "__future__":
        place += 1
    tree.body.insert(place, ast.ImportFrom(STRICT_EQUAL, [ast.alias(STRICT_EQUAL)], 0))
    ast.fix_missing_locations(tree)

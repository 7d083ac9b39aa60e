"""What a statement must tell a policy so that its program can be tested: the names that the tests use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def needed(solution: str, tests: str) -> dict[str, Definition]:
    """What the solution defines at top level and the tests use by name; both must parse."""
    tree = ast.parse(tests)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    return {node.name: node for node in ast.parse(solution).body if isinstance(node, Definition) and node.name in used}


def only_function(definitions: Iterable[Definition]) -> str | None:
    """The name of the one function among definitions; None if there are several or none."""
    functions = [definition.name for definition in definitions if not isinstance(definition, ast.ClassDef)]
    return functions[0] if len(functions) == 1 else None


def with_declarations(statement: str, definitions: Iterable[Definition]) -> str:
    """The statement, followed by the declarations of what it does not name; a blank statement stays none, whatever could be declared."""
    if not statement.strip():
        return ""
    untold = [_declaration(definition) for definition in definitions if not tells(statement, definition.name)]
    if not untold:
        return statement
    return f"{statement.rstrip()}\n\nThe program must define:\n```python\n" + "\n".join(untold) + "\n```"


def tells(statement: str, name: str) -> bool:
    """Whether the statement names the function or class; an ordinary word such as `check` only counts where it is called."""
    ordinary = name.islower() and "_" not in name
    return re.search(rf"\b{name}\s*\(" if ordinary else rf"\b{name}\b", statement) is not None


def _declaration(node: Definition) -> str:
    """The first line of a function, or of a class and its constructor."""
    if not isinstance(node, ast.ClassDef):
        return _signature(node)
    constructors = [member for member in node.body if isinstance(member, ast.FunctionDef) and member.name == "__init__"]
    return "\n".join([f"class {node.name}:", *(f"    {_signature(constructor)}" for constructor in constructors)])


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    keyword = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{keyword} {node.name}({ast.unparse(node.args)}){returns}:"

"""What a test relies on in the interpreter, as it was before any program: put back what a program has patched."""

from __future__ import annotations

import builtins
import sys
import types
from typing import Any

_WATCHED = ("unittest", "_pytest", "pytest")


class Snapshot:
    """The contents of `builtins`, and of the test frameworks that are loaded, their classes and functions included."""

    def __init__(self) -> None:
        self._modules: list[tuple[dict[str, Any], dict[str, Any]]] = [(vars(builtins), dict(vars(builtins)))]
        self._classes: list[tuple[type, dict[str, Any]]] = []
        self._functions: list[tuple[types.FunctionType, types.CodeType]] = []
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in _WATCHED:
                self._keep(vars(module), name)

    def _keep(self, table: dict[str, Any], module: str) -> None:
        self._modules.append((table, dict(table)))
        for value in table.values():
            if isinstance(value, type) and value.__module__ == module:
                self._classes.append((value, dict(vars(value))))
                self._functions += [(item, item.__code__) for item in vars(value).values() if isinstance(item, types.FunctionType)]
            elif isinstance(value, types.FunctionType):
                self._functions.append((value, value.__code__))

    def restore(self, frameworks: bool) -> None:
        """Undo every assignment to builtins and, with `frameworks`, to the test frameworks, their classes and their functions' code."""
        clear, update, set_attribute, delete = dict.clear, dict.update, type.__setattr__, type.__delattr__
        for table, before in self._modules if frameworks else self._modules[:1]:
            clear(table)
            update(table, before)
        if not frameworks:
            return
        for function, code in self._functions:
            if function.__code__ is not code:
                function.__code__ = code
        for kind, attributes in self._classes:
            now = type.__dict__["__dict__"].__get__(kind)
            for name in set(now) - set(attributes):
                delete(kind, name)
            for name, value in attributes.items():
                if now.get(name) is not value:
                    set_attribute(kind, name, value)

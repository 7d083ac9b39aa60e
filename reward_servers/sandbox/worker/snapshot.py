"""What a test relies on in the interpreter, as it was before the program: put back what the program has patched."""

from __future__ import annotations

import builtins
import sys
from typing import Any

_WATCHED = ("unittest", "_pytest", "pytest", "math", "functools", "traceback", "json", "operator")


class Snapshot:
    """The contents of `builtins` and of the loaded modules that tests are made of, their classes included."""

    def __init__(self) -> None:
        self._modules: list[tuple[dict[str, Any], dict[str, Any]]] = [(vars(builtins), dict(vars(builtins)))]
        self._classes: list[tuple[type, dict[str, Any]]] = []
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in _WATCHED:
                self._keep(vars(module), name)

    def _keep(self, table: dict[str, Any], module: str) -> None:
        self._modules.append((table, dict(table)))
        for value in table.values():
            if isinstance(value, type) and value.__module__ == module:
                self._classes.append((value, dict(vars(value))))

    def restore(self) -> None:
        """Undo every assignment to these modules and classes. What was changed inside a function object stays changed."""
        clear, update, set_attribute, delete = dict.clear, dict.update, type.__setattr__, type.__delattr__
        for table, before in self._modules:
            clear(table)
            update(table, before)
        for kind, attributes in self._classes:
            now = type.__dict__["__dict__"].__get__(kind)
            for name in set(now) - set(attributes):
                delete(kind, name)
            for name, value in attributes.items():
                if now.get(name) is not value:
                    set_attribute(kind, name, value)

"""Calls functions right after a module has been imported, without importing it: start-up stays free, what is not used stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Change = Callable[[ModuleType], None]


class PostImport(MetaPathFinder):
    """A finder that lets others find `changes`' modules and then changes them, each once."""

    def __init__(self, changes: dict[str, Change]) -> None:
        self.changes = changes

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname not in self.changes:
            return None
        others = (
            finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")
        )
        spec = next((spec for spec in others if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._extend(spec.loader, fullname)
        return spec

    def _extend(self, loader: Any, fullname: str) -> None:
        execute = loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            change = self.changes.pop(fullname, None)
            if change is not None:
                change(module)

        loader.exec_module = execute_and_change

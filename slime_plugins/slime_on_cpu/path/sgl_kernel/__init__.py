"""Stands in for SGLang's compiled kernels: the one that its `torch_native` CPU path calls, in plain torch.

Every other name, and every submodule, can be imported (SGLang imports many of them whatever the device) and raises when it is called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__version__ = "0.0.0+cpu"


def assign_req_to_token_pool_cpu(
    req_pool_indices: Any, req_to_token: Any, start_offset: Any, end_offset: Any, out_cache_loc: Any, pool_len: int
) -> None:
    """Write each request's new cache slots, which lie one after the other in `out_cache_loc`, into its row of `req_to_token`."""
    first = 0
    for row, start, end in zip(req_pool_indices.tolist(), start_offset.tolist(), end_offset.tolist(), strict=True):
        last = first + end - start
        req_to_token[row, start:end] = out_cache_loc[first:last].to(req_to_token.dtype)
        first = last


def _absent(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def kernel(*args: Any, **options: Any) -> Any:
        raise NotImplementedError(f"sgl_kernel.{name} does not exist on CPU; choose options of SGLang that do without it.")

    return kernel


class _Submodules(MetaPathFinder, Loader):
    """Makes `sgl_kernel.anything.at.all` importable."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        # With this one SGLang asks whether there are any compiled types; there are none.
        if fullname.startswith(f"{__name__}.") and fullname != f"{__name__}.scalar_type":
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        inside = module.__name__.removeprefix(f"{__name__}.")
        module.__getattr__ = lambda name: _absent(f"{inside}.{name}" if not name.startswith("__") else name)  # type: ignore[method-assign]


__getattr__ = _absent
sys.meta_path.append(_Submodules())

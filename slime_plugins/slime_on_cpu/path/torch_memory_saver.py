"""Stands in for the CUDA allocator of this name, which slime always imports and only uses with `--offload-train`, `--colocate`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any


class _MemorySaver:
    def disable(self) -> AbstractContextManager[None]:
        return nullcontext()

    def region(self, *args: Any, **options: Any) -> AbstractContextManager[None]:
        return nullcontext()

    def pause(self, *args: Any) -> None:
        raise NotImplementedError("On CPU there is no GPU memory to give back; leave out --offload-train, --offload-rollout, --colocate.")

    resume = pause


torch_memory_saver = _MemorySaver()

"""The CPU as a backend of `slime.utils.accelerator`, which has CUDA and MUSA: gloo, and streams that have nothing to wait for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psutil
import torch
from slime.utils.accelerator.base import Accelerator

from slime_on_cpu.streams import NoStream


class CPUAccelerator(Accelerator):
    """One device, memory as the machine has it (bytes)."""

    name = device_type = "cpu"
    communication_backend_name = "gloo"
    Stream = Event = NoStream

    def is_available(self) -> bool:
        return True

    def device(self, index: Any = None) -> torch.device:
        return torch.device("cpu")

    def device_name(self, index: Any = None) -> str:
        return "cpu"

    def current_device(self) -> str:
        return "cpu"

    def set_device(self, index: Any) -> None:
        pass

    def device_count(self) -> int:
        return 1

    def synchronize(self, device: Any = None) -> None:
        pass

    def current_stream(self, device: Any = None) -> NoStream:
        return NoStream()

    default_stream = current_stream

    def stream(self, stream: Any) -> AbstractContextManager[None]:
        return nullcontext()

    def empty_cache(self) -> None:
        pass

    def mem_get_info(self, device: Any = None) -> tuple[int, int]:
        memory = psutil.virtual_memory()
        return memory.available, memory.total

    def memory_allocated(self, device: Any = None) -> int:
        return int(psutil.Process().memory_info().rss)

    memory_reserved = memory_allocated

    def distributed_device_id(self, index: Any = None) -> None:
        return None

    def autocast(self, *args: Any, **options: Any) -> Any:
        return torch.autocast("cpu", *args, **options)

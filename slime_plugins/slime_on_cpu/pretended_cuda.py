"""A `torch.cuda` that works on CPU tensors, for Megatron, which asks it for streams, random states and memory, and moves tensors there.

What it says of the device (compute capability 9.0) only has to pass Megatron's checks of its arguments. Kernels stay kernels: what would
need one is switched off by `flags` or replaced by `layer_spec`.
"""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from slime_on_cpu.streams import NoStream

DEVICE = SimpleNamespace(major=9, minor=0, name="cpu", multi_processor_count=1, total_memory=1 << 34)
NOTHING = (
    "empty_cache",
    "ipc_collect",
    "manual_seed",
    "manual_seed_all",
    "reset_peak_memory_stats",
    "set_device",
    "synchronize",
)
ZERO = ("max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved")


def pretend() -> None:
    """Change torch in this process, for good."""
    cuda = torch.cuda
    answers: dict[str, Any] = {
        **dict.fromkeys(NOTHING),
        **dict.fromkeys(ZERO, 0),
        "current_device": "cpu",
        "get_device_capability": (DEVICE.major, DEVICE.minor),
        "get_device_properties": DEVICE,
    }
    for name, answer in answers.items():
        setattr(cuda, name, _answering(answer))
    cuda.Stream = cuda.Event = NoStream
    cuda.current_stream = cuda.default_stream = lambda *args, **options: NoStream()
    cuda.stream = lambda *args, **options: nullcontext()
    cuda.get_rng_state = lambda *args, **options: torch.get_rng_state()
    cuda.set_rng_state = lambda state, *args, **options: torch.set_rng_state(state)
    torch.nn.Module.cuda = lambda self, *args, **options: self
    StaysOnCPU().__enter__()


def _answering(answer: Any) -> Any:
    return lambda *args, **options: answer


class StaysOnCPU(TorchFunctionMode):
    """Calls that name a CUDA device are made for the CPU, and tensors say that they are where Megatron wants them."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        options = {name: value for name, value in (kwargs or {}).items() if name != "pin_memory"}
        if _is_cuda(options.get("device")):
            options["device"] = "cpu"
        if func in (torch.Tensor.cuda, torch.Tensor.pin_memory):
            return args[0]
        if func is torch.Tensor.type and len(args) == 1:
            return func(*args).replace("torch.", "torch.cuda.", 1)
        if func is torch.Tensor.to and len(args) > 1 and _is_cuda(args[1]):
            args = (args[0], "cpu", *args[2:])
        return func(*args, **options)


def _is_cuda(device: Any) -> bool:
    return isinstance(device, str | torch.device) and "cuda" in str(device)

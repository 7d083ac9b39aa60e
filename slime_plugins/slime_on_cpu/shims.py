"""Which module is changed how, once it is imported. Ends where slime and SGLang have options of their own for the same (`flags`)."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from slime_on_cpu.post_import import PostImport

TRAINS = "SLIME_ON_CPU_TRAINS"
"""Set where Megatron runs, and nowhere else: SGLang must see that there is no GPU, Megatron must not."""


def install() -> None:
    """Make this process ready; imports nothing but the standard library."""
    changes = {
        "torch": change_torch,
        "slime.utils.accelerator": register_cpu,
        "megatron.core.tensor_parallel.random": track_random_state,
        "megatron.core.optimizer.distrib_optimizer": load_optimizer_states,
    }
    sys.meta_path.insert(0, PostImport(changes))


def change_torch(torch: ModuleType) -> None:
    """Declare what torchvision from PyPI, a CUDA build whose library does not load here, needs at import; pretend CUDA to Megatron."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torch._slime_on_cpu_library = library  # type: ignore[attr-defined]  # The declarations live as long as this object.
    if os.environ.get(TRAINS) == "1":
        from slime_on_cpu.pretended_cuda import pretend

        pretend()


def register_cpu(accelerators: ModuleType) -> None:
    """Add a backend through slime's own extension point."""
    from slime_on_cpu.accelerator import CPUAccelerator

    accelerators.register_accelerator("cpu", CPUAccelerator, lambda: True, 1, ("gloo",))
    os.environ.setdefault("SLIME_ACCELERATOR", "cpu")


def track_random_state(module: ModuleType) -> None:
    """Let Megatron's tracker of CUDA's random state keep the CPU generator's."""
    if os.environ.get(TRAINS) == "1":
        import torch

        module._get_cuda_rng_state = lambda *args, **options: torch.get_rng_state()  # type: ignore[attr-defined]
        module._set_cuda_rng_state = lambda state, *args, **options: torch.set_rng_state(state)  # type: ignore[attr-defined]


def load_optimizer_states(module: ModuleType) -> None:
    """Let the distributed optimizer resume with torch's Adam."""
    if os.environ.get(TRAINS) == "1":
        from slime_on_cpu.adam_state import resume_with_torch_adam

        resume_with_torch_adam(module.DistributedOptimizer)

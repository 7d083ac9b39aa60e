"""The processes of a run (torchrun's), their device, and how a model is spread over them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel

from code_reward.errors import CodeRewardError, ConfigurationError
from rm_train.model import RewardModel

_PATIENCE: Final = timedelta(hours=2)
"""How long processes wait for one that encodes or exports; one that dies is noticed by torchrun, which ends the others."""

_LOST: Final = re.compile("[Cc]onnection (was )?(closed|reset)|Socket closed|remote process exited|NCCL error")
"""What gloo and NCCL say when another process is gone."""


@dataclass(frozen=True)
class Processes:
    """This process among `world`."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            dist.barrier()

    def total(self, *values: float) -> list[float]:
        """The sums of the values over all processes."""
        sums = torch.tensor(values, dtype=torch.float64)
        if self.world > 1:
            dist.all_reduce(sums)
        return sums.tolist()  # type: ignore[no-any-return]


@contextmanager
def processes() -> Iterator[Processes]:
    """Those that torchrun started, or this one alone."""
    rank, world, local = (int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if world == 1:
        yield Processes(rank, world, device)
        return
    # Sums of a few numbers and words to each other go over gloo, also beside CUDA.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(rank, world, device)
    except RuntimeError as error:
        if not _LOST.search(str(error)):
            raise
        raise CodeRewardError(
            f"Process {rank} has lost another one, which ended; mend what that one says and run the same again, from the last checkpoint."
        ) from error
    finally:
        dist.destroy_process_group()


def shard(model: RewardModel, here: Processes, dtype: torch.dtype) -> None:
    """Spread weights, gradients and what an optimizer will keep of them over all processes, layer by layer (FSDP2).

    Layers compute in `dtype` and the head in float32; gradients are summed in float32.
    """
    layers = getattr(model.classifier.base_model, "layers", None)
    if layers is None:
        raise ConfigurationError(f"{type(model.classifier).__name__} has no list of layers to shard by; leave --shard out.")
    mesh = init_device_mesh(here.device.type, (here.world,))
    policy = MixedPrecisionPolicy(param_dtype=dtype if dtype != torch.float32 else None, reduce_dtype=torch.float32)
    for layer in layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model.classifier.score, mesh=mesh)
    fully_shard(model, mesh=mesh, mp_policy=policy)


def replicate(model: RewardModel, here: Processes) -> nn.Module:
    """The model with a copy on each process, whose gradients are averaged in the last backward pass of a step."""
    if here.world == 1:
        return model
    ids = [here.device.index] if here.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True)


def whole(tensor: Tensor) -> Tensor:
    """A tensor that may be spread; every process must ask for it."""
    full = getattr(tensor, "full_tensor", None)
    return full() if full is not None else tensor  # type: ignore[no-any-return]

"""The model that a run starts from, where it will be trained: one copy of the stored weights is read, never a float32 copy per process."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from transformers import PreTrainedModel

from rm_train.heap import map_large_blocks
from rm_train.lora import adapt
from rm_train.model import RewardModel, load_backbone
from rm_train.precision import compute_dtype, freeze, is_small, settle
from rm_train.processes import Processes, replicate, shard
from rm_train.settings import Training


def load_model(settings: Training, here: Processes, attention: str) -> tuple[RewardModel, nn.Module, torch.dtype]:
    """The model; the module to call in its place; what it computes in."""
    sharded = settings.shard and here.world > 1
    classifier = _build(settings, attention, empty=sharded and not here.first)
    small = is_small(classifier)
    if here.device.type == "cpu" and not small:
        map_large_blocks()
    dtype = compute_dtype(settings.dtype, here.device, small=small)
    model = RewardModel(classifier)
    if sharded:
        _spread(model, settings, attention, here, dtype)
    else:
        # There first, and then float32: several processes of a machine would need room for that many copies in its memory.
        model.to(here.device)
        settle(classifier, dtype)
    if settings.recompute if settings.recompute is not None else not small:
        model.classifier.gradient_checkpointing_enable({"use_reentrant": False})
    return model, model if sharded else replicate(model, here), dtype


def _build(settings: Training, attention: str, *, empty: bool) -> PreTrainedModel:
    classifier = load_backbone(settings.init, settings.seed, extra_layers=settings.extra_layers, attention=attention, empty=empty)
    if settings.lora:
        adapt(classifier, settings.lora)
    freeze(classifier, settings.freeze)
    return classifier


def _spread(model: RewardModel, settings: Training, attention: str, here: Processes, dtype: torch.dtype) -> None:
    """Shard an empty model on every process and fill it from the weights that the first has read."""
    stored: dict[str, Tensor] = dict(model.state_dict()) if here.first else {}
    if here.first:
        model.classifier = _build(settings, attention, empty=True)
    buffers = {name: buffer.to(here.device) for name, buffer in model.named_buffers()}
    model.to(torch.float32)
    shard(model, here, dtype)
    model.to_empty(device=here.device)
    for name, buffer in buffers.items():
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, buffer)
    set_model_state_dict(model, stored, options=StateDictOptions(full_state_dict=True, broadcast_from_rank0=True))

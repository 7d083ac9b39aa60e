"""What a model computes in, and what of it learns."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn
from transformers import PreTrainedModel

from rm_train.settings import Freeze, Precision

SMALL: Final = 20_000_000
"""Parameters below which a layer is so quick that casts and recomputation cost more than they save."""


def is_small(model: nn.Module) -> bool:
    """Whether a model is from the workshop rather than from the hub."""
    return sum(parameter.numel() for parameter in model.parameters()) < SMALL


def compute_dtype(asked: Precision, device: torch.device, *, small: bool) -> torch.dtype:
    """The precision of matrix products."""
    if asked != "auto":
        return torch.float32 if asked == "float32" else torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if not small and (able.get("amx_bf16") or able.get("avx512_bf16")) else torch.float32


def freeze(classifier: PreTrainedModel, what: Freeze) -> None:
    """Let the embeddings, or all but the head, keep their weights."""
    kept = {"nothing": [], "embeddings": [classifier.get_input_embeddings()], "body": [classifier.base_model]}[what]
    for module in kept:
        module.requires_grad_(False)


def settle(classifier: PreTrainedModel, frozen: torch.dtype) -> None:
    """Weights that learn are float32, whatever they were stored in; the others take `frozen`."""
    for parameter in classifier.parameters():
        # Always a copy: a weight that stays as it was stored would keep the whole file of the model mapped.
        parameter.data = parameter.data.to(torch.float32 if parameter.requires_grad else frozen, copy=True)

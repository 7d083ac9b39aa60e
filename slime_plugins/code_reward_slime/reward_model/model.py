"""Slime's `--custom-model-provider-path`: the language model that slime's options describe, with a scalar head computed in float32.

The head is that of `--hf-checkpoint` where it is a reward model, else drawn at random from `--seed`, the same on every rank. A run that
goes on takes it from its own checkpoint.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from megatron.core import tensor_parallel
from megatron.training.global_vars import get_args
from slime.backends.megatron_utils.model_provider import LinearForLastLayer, get_model_provider_func
from torch import Tensor

HEAD = "score.weight"


class ScoreHead(LinearForLastLayer):  # type: ignore[misc]  # Any to mypy.
    """`LinearForLastLayer` without bias, in float32 whatever the model computes in, as every server's head."""

    def forward(self, hidden: Tensor, weight: Tensor | None = None, runtime_gather_output: bool | None = None) -> tuple[Tensor, None]:
        """(tokens, batch, width) to (tokens, batch, 1)."""
        with torch.autocast(hidden.device.type, enabled=False):
            scores = F.linear(hidden.float(), self.weight.float())
        if self.sequence_parallel:
            scores = tensor_parallel.gather_from_sequence_parallel_region(scores, tensor_parallel_output_grad=False)
        return scores, None


def provide(pre_process: bool = True, post_process: bool = True, vp_stage: int | None = None) -> Any:
    """A Megatron model, or the stage of one that this rank has."""
    args = copy.copy(get_args())
    # The head is no transposed embedding, whatever the language model had.
    args.custom_model_provider_path, args.untie_embeddings_and_output_weights = None, True
    model = get_model_provider_func(args)(pre_process=pre_process, post_process=post_process, vp_stage=vp_stage)
    if post_process:
        model.output_layer = ScoreHead(model.config.hidden_size, 1, config=model.config, bias=False)
        with torch.no_grad():
            model.output_layer.weight.copy_(_head(Path(args.hf_checkpoint), model.config.hidden_size, args.seed))
    return model


def _head(folder: Path, width: int, seed: int) -> Tensor:
    """(1, width)."""
    from safetensors import safe_open

    for shard in sorted(folder.glob("*.safetensors")):
        with safe_open(shard, framework="pt") as tensors:
            if HEAD in tensors.keys():  # noqa: SIM118  (not a mapping)
                found: Tensor = tensors.get_tensor(HEAD)
                return found
    std = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("initializer_range", 0.02)
    return torch.randn(1, width, generator=torch.Generator().manual_seed(seed)) * std

"""Adapters (LoRA, by peft) in the place of all weights: for machines whose memory holds a model but not what an optimizer keeps of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import PreTrainedModel

from code_reward.errors import ConfigurationError
from rm_train.processes import whole

if TYPE_CHECKING:
    from peft import LoraConfig

_ADAPTER = "default"


def adapters(model: PreTrainedModel, rank: int) -> LoraConfig:
    """Adapters of this rank beside every matrix of the model's body, whose output is doubled."""
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise ConfigurationError("--lora needs the package peft; install it with pip install 'code-reward[lora]'.") from error
    matrices = {name.rpartition(".")[2] for name, module in model.base_model.named_modules() if isinstance(module, torch.nn.Linear)}
    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=sorted(matrices))


def adapt(classifier: PreTrainedModel, rank: int) -> None:
    """Put adapters into the body, in place; they and the head alone learn from then on."""
    config = adapters(classifier, rank)
    from peft import inject_adapter_in_model

    inject_adapter_in_model(config, classifier.base_model)


def merged(classifier: PreTrainedModel, name: str, tensor: Tensor) -> tuple[str, Tensor] | None:
    """A weight under the name that it has without adapters, with what its adapter adds; None for an adapter's own.

    Every process must call it for every name, because adapters may be spread over all.
    """
    if ".lora_" in name:
        return None
    found = re.fullmatch(r"(.*)\.base_layer\.weight", name)
    if not found:
        return name.replace(".base_layer.", "."), tensor
    layer = classifier.get_submodule(found[1])
    down, up = (whole(matrix[_ADAPTER].weight.detach()).float() for matrix in (layer.lora_A, layer.lora_B))
    return f"{found[1]}.weight", tensor.float() + layer.scaling[_ADAPTER] * (up @ down)

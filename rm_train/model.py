"""Reward models: a causal language model with its head replaced by one score, read at the last token."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel

from code_reward.errors import ConfigurationError
from rm_train.losses import bradley_terry, regression


def load_backbone(folder: str | Path, seed: int, *, extra_layers: int = 0) -> PreTrainedModel:
    """A sequence classifier with one label from any causal language model or classifier folder; a missing head is drawn with `seed`.

    `extra_layers` more layers of the model's own kind are put on top, which at first change nothing: a small model needs all its depth to
    say which token comes next, and has none left to compare that with the token that came.

    Raises `ConfigurationError` if the folder cannot be loaded as one.
    """
    torch.manual_seed(seed)
    try:
        config = AutoConfig.from_pretrained(str(folder), num_labels=1, local_files_only=True)
        if extra_layers:
            _deepen(config, extra_layers)
        model = AutoModelForSequenceClassification.from_pretrained(str(folder), config=config, dtype=torch.float32, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} cannot be loaded ({first}); give the folder of a language model or a reward model.") from error
    if extra_layers:
        for layer in model.base_model.layers[-extra_layers:]:
            # With nothing written into the residual stream a layer is the identity; the first step already moves these two.
            nn.init.zeros_(layer.self_attn.o_proj.weight)
            nn.init.zeros_(layer.mlp.down_proj.weight)
    # Without label names SGLang normalises the hidden state before the head.
    model.config.id2label, model.config.label2id = {0: "reward"}, {"reward": 0}
    return model


def _deepen(config: PretrainedConfig, layers: int) -> None:
    config.num_hidden_layers += layers
    if getattr(config, "layer_types", None):
        config.layer_types = [*config.layer_types, *config.layer_types[-1:] * layers]


def score_last(classifier: PreTrainedModel, input_ids: Tensor, lengths: Tensor) -> Tensor:
    """Scores of right-padded `input_ids` (batch, longest) at position `lengths - 1`; shape (batch,).

    The position is given, not searched for by pad token: a real last token may equal the pad token. Padding comes after the scored
    position and attention is causal, so no mask is needed.
    """
    hidden = classifier.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    last = hidden[torch.arange(len(lengths), device=hidden.device), lengths - 1]
    scores: Tensor = classifier.score(last).squeeze(-1)
    return scores


class PairModel(nn.Module):
    """A classifier with its loss on batches of `rm_train.dataset.collate`, which is what transformers' Trainer trains.

    The loss is inside `forward`, so that training on several devices (torchrun) synchronises gradients as it does for any model.
    """

    def __init__(self, classifier: PreTrainedModel) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, input_ids: Tensor, lengths: Tensor, pairs: Tensor, weight: Tensor, margin: Tensor) -> dict[str, Tensor]:
        """`loss` (a scalar) and `scores` (inputs,)."""
        scores = score_last(self.classifier, input_ids, lengths)
        chosen, rejected = scores[pairs].unbind(dim=1)
        return {"loss": bradley_terry(chosen, rejected, margin, weight), "scores": scores}


class ValueModel(nn.Module):
    """Like `PairModel`, on batches of `rm_train.prefixes.collate_prefixes`: scores are to equal values."""

    def __init__(self, classifier: PreTrainedModel) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, input_ids: Tensor, lengths: Tensor, value: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """`loss` (a scalar) and `scores` (inputs,)."""
        scores = score_last(self.classifier, input_ids, lengths)
        return {"loss": regression(scores, value, weight), "scores": scores}

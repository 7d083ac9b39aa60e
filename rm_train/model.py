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
        # The masks of `rm_train.layout` are boolean, which only this implementation reads.
        options = {"dtype": torch.float32, "attn_implementation": "sdpa", "local_files_only": True}
        model = AutoModelForSequenceClassification.from_pretrained(str(folder), config=config, **options)
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


def score_inputs(classifier: PreTrainedModel, ends: Tensor, **batch: Tensor) -> Tensor:
    """Scores of the inputs of a `rm_train.layout` batch, each read where it ends; shape (inputs,).

    The place is given, not searched for by pad token: a real last token may equal the pad token.
    """
    hidden = classifier.base_model(**batch, use_cache=False).last_hidden_state
    rows, places = ends.unbind(dim=1)
    scores: Tensor = classifier.score(hidden[rows, places]).squeeze(-1)
    return scores


class PairModel(nn.Module):
    """A classifier with its loss on batches of `rm_train.dataset.collate`, which is what transformers' Trainer trains.

    The loss is inside `forward`, so that training on several devices (torchrun) synchronises gradients as it does for any model.
    """

    def __init__(self, classifier: PreTrainedModel) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pairs: Tensor, weight: Tensor, margin: Tensor, **batch: Tensor) -> dict[str, Tensor]:
        """`loss` (a scalar) and `scores` (inputs,)."""
        scores = score_inputs(self.classifier, **batch)
        chosen, rejected = scores[pairs].unbind(dim=1)
        return {"loss": bradley_terry(chosen, rejected, margin, weight), "scores": scores}


class ValueModel(nn.Module):
    """Like `PairModel`, on batches of `rm_train.prefixes.collate_prefixes`: scores are to equal values."""

    def __init__(self, classifier: PreTrainedModel) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, value: Tensor, weight: Tensor, **batch: Tensor) -> dict[str, Tensor]:
        """`loss` (a scalar) and `scores` (inputs,)."""
        scores = score_inputs(self.classifier, **batch)
        return {"loss": regression(scores, value, weight), "scores": scores}

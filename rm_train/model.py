"""Reward models: a causal language model with its head replaced by one score, read at the last token of every input of a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from code_reward.errors import ConfigurationError
from reward_servers.scorer import require_packable
from rm_train import attention as _gathered  # noqa: F401, registers itself with transformers.
from rm_train.masks import SDPA, mask_for


def load_backbone(folder: str | Path, seed: int, *, extra_layers: int = 0, attention: str = SDPA, empty: bool = False) -> PreTrainedModel:
    """A sequence classifier with one label from any causal language model or classifier folder, in the precision that it is stored in.

    Args:
        seed: A missing head, and new layers, are drawn with it.
        extra_layers: So many more layers of the model's own kind are put on top, which at first change nothing: a small model needs all its
            depth to say which token comes next, and has none left to compare that with the token that came.
        attention: transformers' name of the attention (`rm_train.masks`).
        empty: Without weights, for a process that will get its part of them from another.

    Raises `ConfigurationError` if the folder cannot be loaded as one.
    """
    torch.manual_seed(seed)
    # The zero score.bias of the contract, for which transformers' heads have no place, is not worth a warning.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(str(folder), num_labels=1, local_files_only=True)
        # Without label names SGLang normalises the hidden state before the head.
        config.id2label, config.label2id = {0: "reward"}, {"reward": 0}
        require_packable(Path(folder), config)
        if extra_layers:
            _deepen(config, extra_layers)
        if empty:
            with init_empty_weights():
                return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32, attn_implementation=attention)
        options = {"dtype": "auto", "attn_implementation": attention, "local_files_only": True, "output_loading_info": True}
        model, loaded = AutoModelForSequenceClassification.from_pretrained(str(folder), config=config, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        if isinstance(error, ConfigurationError):
            raise
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} cannot be loaded ({first}); give the folder of a language model or a reward model.") from error
    new = tuple(f".layers.{number}." for number in range(config.num_hidden_layers - extra_layers, config.num_hidden_layers))
    absent = sorted(name for name in loaded["missing_keys"] if not name.startswith("score.") and not any(layer in name for layer in new))
    if absent:
        raise ConfigurationError(
            f"{folder} lacks {len(absent)} weights of its model, {absent[0]} among them, which would be drawn at random; give a whole "
            "model with its weights named as transformers names them."
        )
    if extra_layers:
        for layer in model.base_model.layers[-extra_layers:]:
            # With nothing written into the residual stream a layer is the identity; the first step already moves these two.
            nn.init.zeros_(layer.self_attn.o_proj.weight)
            nn.init.zeros_(layer.mlp.down_proj.weight)
    return model


def _deepen(config: PretrainedConfig, layers: int) -> None:
    config.num_hidden_layers += layers
    if getattr(config, "layer_types", None):
        config.layer_types = [*config.layer_types, *config.layer_types[-1:] * layers]


class RewardModel(nn.Module):
    """A classifier that scores rows of `rm_train.layout`."""

    def __init__(self, classifier: PreTrainedModel) -> None:
        super().__init__()
        self.classifier = classifier
        self._attention: str = classifier.config._attn_implementation

    def forward(self, input_ids: Tensor, position_ids: Tensor, until: Tensor, ends: Tensor) -> Tensor:
        """Scores of the inputs of a row, each read where it ends, float32.

        The place is given, not searched for by pad token: a real last token may equal the pad token.

        Args:
            input_ids, position_ids: (1, tokens).
            until: (tokens,).
            ends: (inputs,).
        """
        embedded = self.classifier.get_input_embeddings()(input_ids)
        if torch.is_autocast_enabled(embedded.device.type):
            embedded = embedded.float()  # What layers add to is float32, also above frozen embeddings in bfloat16.
        body: Any = self.classifier.base_model
        mask = mask_for(self._attention, until)
        hidden = body(inputs_embeds=embedded, position_ids=position_ids, attention_mask=mask, use_cache=False).last_hidden_state
        # The head computes as the server's does, whatever the precision of the body.
        with torch.autocast(hidden.device.type, enabled=False):
            head = self.classifier.score
            wide = hidden[0, ends].to(torch.promote_types(hidden.dtype, torch.float32))
            # The sum of one score: FSDP2 asks for a tensor of its own, and squeezing gives a view.
            scores: Tensor = head(wide).sum(dim=-1)
        return scores

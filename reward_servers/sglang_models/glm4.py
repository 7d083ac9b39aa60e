"""GLM-4 as a reward model in SGLang: its own GLM-4 layers, and a head without bias on the last token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from sglang.srt.layers.pooler import Pooler, PoolingType, score_and_pool
from sglang.srt.models.glm4 import Glm4ForCausalLM, Glm4Model
from sglang.srt.utils import add_prefix
from torch import Tensor, nn

_NOT_THERE = ("lm_head.", "score.bias")
"""Of the second, which is zero (`reward_servers.sglang_server` checks the scores), this head has none."""


class Glm4ForSequenceClassification(nn.Module):
    """What SGLang's `ModelRegistry` looks for under the name in config.json."""

    def __init__(self, config: Any, quant_config: Any = None, prefix: str = "") -> None:
        super().__init__()
        self.config, self.quant_config = config, quant_config
        self.model = Glm4Model(config, quant_config=quant_config, prefix=add_prefix("model", prefix))
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)
        self.pooler = Pooler(pooling_type=PoolingType.LAST, normalize=False)

    @torch.no_grad()
    def forward(
        self, input_ids: Tensor, positions: Tensor, forward_batch: Any, input_embeds: Tensor | None = None, get_embedding: bool = True
    ) -> Any:
        hidden = self.model(input_ids, positions, forward_batch, input_embeds)
        return score_and_pool(self.score, self.pooler, hidden, forward_batch, input_ids)

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> Any:
        return Glm4ForCausalLM.load_weights(self, ((name, tensor) for name, tensor in weights if not name.startswith(_NOT_THERE)))


EntryClass = Glm4ForSequenceClassification

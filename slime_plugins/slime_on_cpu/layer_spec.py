"""Megatron's transformer layer without Transformer Engine or flash attention: slime's `--spec slime_on_cpu.layer_spec get_spec`.

Parameters have the names that they have with Transformer Engine (the norm before a linear layer is a part of it), so slime's converters
between Hugging Face and Megatron apply unchanged. slime packs the sequences of a micro-batch into one; Megatron's own attention refuses
that, so each sequence is attended to alone. Covers Qwen2, Qwen3 and GLM-4 (with its norms after attention and MLP); no context
parallelism.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from megatron.core.fusions.fused_bias_dropout import get_bias_dropout_add
from megatron.core.tensor_parallel.layers import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer.attention import SelfAttention, SelfAttentionSubmodules
from megatron.core.transformer.enums import AttnMaskType
from megatron.core.transformer.identity_op import IdentityOp
from megatron.core.transformer.mlp import MLP, MLPSubmodules
from megatron.core.transformer.module import MegatronModule
from megatron.core.transformer.spec_utils import ModuleSpec
from megatron.core.transformer.torch_norm import WrappedTorchNorm
from megatron.core.transformer.transformer_layer import TransformerLayer, TransformerLayerSubmodules


def get_spec(args: Any, config: Any, vp_stage: int | None = None) -> ModuleSpec:
    """The layer that slime's arguments describe."""
    norm_of_heads = WrappedTorchNorm if config.qk_layernorm else IdentityOp
    attention = SelfAttentionSubmodules(
        linear_qkv=NormedColumnParallelLinear,
        core_attention=PackedAttention,
        linear_proj=RowParallelLinear,
        q_layernorm=norm_of_heads,
        k_layernorm=norm_of_heads,
    )
    layer = TransformerLayerSubmodules(
        self_attention=ModuleSpec(module=SelfAttention, params={"attn_mask_type": AttnMaskType.causal}, submodules=attention),
        post_self_attn_layernorm=_norm_if(args, "post_self_attn_layernorm"),
        self_attn_bda=get_bias_dropout_add,
        mlp=ModuleSpec(module=MLP, submodules=MLPSubmodules(linear_fc1=NormedColumnParallelLinear, linear_fc2=RowParallelLinear)),
        post_mlp_layernorm=_norm_if(args, "post_mlp_layernorm"),
        mlp_bda=get_bias_dropout_add,
    )
    return ModuleSpec(module=TransformerLayer, submodules=layer)


def _norm_if(args: Any, flag: str) -> Any:
    return WrappedTorchNorm if getattr(args, flag, False) else IdentityOp


class NormedColumnParallelLinear(ColumnParallelLinear):
    """RMSNorm and the linear layer after it, as Transformer Engine fuses them."""

    def __init__(self, input_size: int, output_size: int, *, config: Any, **options: Any) -> None:
        super().__init__(input_size, output_size, config=config, **options)
        self.eps = config.layernorm_epsilon
        self.layer_norm_weight = torch.nn.Parameter(torch.ones(input_size, dtype=config.params_dtype))

    def forward(self, hidden: torch.Tensor, *args: Any, **options: Any) -> Any:
        """(tokens, batch, width) to (tokens, batch, this rank's share of the output)."""
        return super().forward(F.rms_norm(hidden, (hidden.size(-1),), self.layer_norm_weight, self.eps), *args, **options)


class PackedAttention(MegatronModule):
    """Causal attention within each of the packed sequences."""

    def __init__(self, config: Any, *args: Any, softmax_scale: float | None = None, **options: Any) -> None:
        super().__init__(config)
        self.scale = softmax_scale

    def forward(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, packed_seq_params: Any, **options: Any
    ) -> Any:
        """(tokens, heads, head size) each, keys and values with fewer heads; (tokens, heads * head size) out."""
        bounds = packed_seq_params.cu_seqlens_q.tolist()
        attended = [self._attend(query[start:end], key[start:end], value[start:end]) for start, end in pairwise(bounds)]
        return torch.cat(attended).reshape(query.size(0), -1)

    def _attend(self, *sequence: torch.Tensor) -> torch.Tensor:
        query, key, value = (part.transpose(0, 1).unsqueeze(0) for part in sequence)
        out = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=self.scale, enable_gqa=True)
        return out.squeeze(0).transpose(0, 1)

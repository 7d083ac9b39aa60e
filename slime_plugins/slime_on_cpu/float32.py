"""Megatron in float32, for comparisons that bfloat16 would blur: slime's `--custom-megatron-init-path slime_on_cpu.float32.use_float32`."""

from __future__ import annotations

from typing import Any

import torch


def use_float32(args: Any) -> None:
    """Undo slime's choice of bfloat16, before the model is made of `args`."""
    args.bf16, args.params_dtype = False, torch.float32

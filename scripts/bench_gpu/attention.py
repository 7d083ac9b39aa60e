"""FlexAttention against SDPA on one row of a tree, at the size of a 4B model's layer: agreement and time, forward and backward.

SDPA with a dense mask is the judge. On a CPU FlexAttention has no backward pass, and is compared forward alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rm_train.layout import Ints, Row, lay, pad
from rm_train.masks import block_mask, dense_mask
from scripts.bench_gpu.clock import seconds_of
from scripts.bench_gpu.models import config, problems

ROUNDS = 10


def measure(size: str, folder: Path) -> dict[str, Any]:
    """Figures of one row of a tree: 16,384 tokens (tiny: 512) with the heads of one layer."""
    cuda, tiny = torch.cuda.is_available(), size == "tiny"
    until = torch.from_numpy(_row(512 if tiny else 16384, tiny).until.astype(np.int64)).to("cuda" if cuda else "cpu")
    shape = config(size)
    heads = (shape.num_attention_heads, shape.num_key_value_heads, shape.num_key_value_heads)
    torch.manual_seed(0)
    dtype = torch.bfloat16 if cuda else torch.float32
    inputs = [torch.randn(1, number, len(until), shape.head_dim, device=until.device, dtype=dtype) for number in heads]
    ways = {
        "flex": partial(_flex(cuda), block_mask=block_mask(until)),
        "sdpa": partial(F.scaled_dot_product_attention, attn_mask=dense_mask(until)),
    }
    figures: dict[str, Any] = {"tokens": len(until), "dtype": str(dtype).removeprefix("torch.")}
    works: dict[str, Callable[[Any, list[Tensor]], list[Tensor]]] = {
        "forward": _outputs,
        **({"forward_and_gradient": _gradients} if cuda else {}),
    }
    for what, work in works.items():
        found = {name: work(way, inputs) for name, way in ways.items()}
        figures[f"largest_difference_{what}"] = max(_apart(a, b) for a, b in zip(found["flex"], found["sdpa"], strict=True))
        for name, way in ways.items():
            figures[f"{name}_{what}_ms"] = 1000 * seconds_of(partial(work, way, inputs), ROUNDS)
    return figures


def _row(tokens: int, tiny: bool) -> Row:
    """Problems of 8 programs, as many as fit, filled up."""
    inputs: list[Ints] = []
    row = lay(problems(1, 8, tiny)[0])
    for more in problems(100, 8, tiny):
        inputs += more
        if len((grown := lay(inputs)).ids) > tokens:
            break
        row = grown
    return pad(row, tokens, 0)


def _flex(cuda: bool) -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False) if cuda else flex_attention


def _outputs(way: Any, inputs: list[Tensor]) -> list[Tensor]:
    return [way(*inputs, enable_gqa=True)]


def _gradients(way: Any, inputs: list[Tensor]) -> list[Tensor]:
    leaves = [one.detach().requires_grad_() for one in inputs]
    way(*leaves, enable_gqa=True).float().square().sum().backward()
    return [leaf.grad for leaf in leaves if leaf.grad is not None]


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a.float() - b.float()).abs().max())

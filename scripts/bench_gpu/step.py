"""A whole training step of a 4B reward model: inputs of a problem in shared rows against each input alone, in the same process.

A step is forward, backward and AdamW with float32 weights and bfloat16 products, layers recomputed, as `rm_train` trains. Both ways pass
the same inputs and must give the same loss. Tokens are those of all inputs, each counted whole, so that tokens/s compare.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rm_train.layout import Ints, Row, lay, pad
from rm_train.masks import FLEX, SDPA
from rm_train.model import RewardModel
from scripts.bench_gpu.clock import peak_gib, seconds_of
from scripts.bench_gpu.models import build, problems

ROUNDS = 3
UNIT = 128


def measure(size: str, folder: Path) -> dict[str, Any]:
    """Figures of steps of 4 problems with 8 programs each (16 pairs); tiny: 2 problems."""
    cuda, tiny = torch.cuda.is_available(), size == "tiny"
    model = RewardModel(build(size, FLEX if cuda else SDPA, torch.float32))
    model.classifier.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)
    data = problems(2 if tiny else 4, 8, tiny)
    tokens = sum(len(ids) for inputs in data for ids in inputs)
    ways = {"shared": [lay(inputs) for inputs in data], "alone": [_alone(inputs) for inputs in data]}
    longest = max(len(row.ids) for row in ways["alone"])
    figures: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters()), "tokens": tokens}
    for name, rows in ways.items():
        # One length for all rows of a way: FlexAttention is compiled for each.
        length = -(-max(len(row.ids) for row in rows) // UNIT) * UNIT if cuda else 0
        batches = [_tensors(pad(row, max(length, len(row.ids)), 0), model) for row in rows]
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        figures[f"{name}_loss"] = _step(model, optimizer, batches)
        seconds = seconds_of(partial(_step, model, optimizer, batches), ROUNDS)
        figures |= {f"{name}_tokens_per_s": tokens / seconds, f"{name}_peak_gib": peak_gib()}
    return {**figures, "longest_row": longest, "shared_over_alone": figures["shared_tokens_per_s"] / figures["alone_tokens_per_s"]}


def _alone(inputs: list[Ints]) -> Row:
    """The inputs behind one another, none of which sees another: what packing without sharing is."""
    rows, start = [lay([ids]) for ids in inputs], 0
    for number, row in enumerate(rows):
        rows[number] = Row(row.ids, row.positions, row.until + start, row.ends + start)
        start += len(row.ids)
    return Row(*(np.concatenate([getattr(row, name) for row in rows]) for name in ("ids", "positions", "until", "ends")))


def _tensors(row: Row, model: RewardModel) -> dict[str, Tensor]:
    device = model.classifier.device
    arrays = {"input_ids": row.ids[None], "position_ids": row.positions[None], "until": row.until, "ends": row.ends}
    return {name: torch.from_numpy(array.astype(np.int64)).to(device) for name, array in arrays.items()}


def _step(model: RewardModel, optimizer: torch.optim.Optimizer, batches: list[dict[str, Tensor]]) -> float:
    total = 0.0
    for batch in batches:
        device = batch["input_ids"].device.type
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            scores = model(**batch)
        chosen, rejected = scores.view(-1, 2).unbind(dim=1)
        loss = F.softplus(rejected - chosen).mean() / len(batches)
        loss.backward()
        total += float(loss.detach())
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total

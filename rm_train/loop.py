"""The training loop: steps of `rm_train.plan`, on torch's own parts.

Not transformers' Trainer: it knows rows of a fixed number of items, means per process, and no sharding on a CPU; here a step is a
weighted sum over rows that hold as many examples as fit, and all of it, sharding included, is tested without a GPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from code_reward.errors import DataError
from rm_train import states
from rm_train.batches import Batches, Losses, right, weighted_loss
from rm_train.checkpoints import last_checkpoint
from rm_train.heap import give_back
from rm_train.model import RewardModel
from rm_train.plan import Numbers, Plan, Step
from rm_train.processes import Processes
from rm_train.reporting import Log
from rm_train.settings import Training

LARGEST_GRADIENT = 1.0
"""Norm to which a step's gradient is cut."""

LONG_STEP_SECONDS = 5
"""After such a step freed memory is given back, which takes a fraction of a second; kept, it grows from step to step."""


@dataclass
class Run:
    """A training on its way: what it consists of, and where it stands."""

    settings: Training
    here: Processes
    model: RewardModel
    wrapped: nn.Module
    """The model as it is called: itself, or with its gradients averaged over processes."""
    dtype: torch.dtype
    plan: Plan
    batches: Batches
    losses: Losses
    log: Log
    folder: Path
    """Where checkpoints go."""
    measure: Callable[[], dict[str, float]] | None = None
    """Figures on validation data, alike on every process; `accuracy` decides which checkpoint is best."""

    def train(self) -> None:
        """From the last checkpoint, if there is one, to the end; then the model is the best that was measured, or the last.

        Raises:
            DataError: The loss is not finite. The last checkpoint is kept.
            ConfigurationError: A checkpoint cannot be written.
        """
        optimizer = make_optimizer(self.model, self.settings)
        last = last_checkpoint(self.folder)
        if last is not None:
            self.log.go_on(states.load(last, self.model, optimizer, self.here))
        self.wrapped.train()
        with self.log.shown(self.plan.steps):
            for step in self.plan.steps_from(self.log.step):
                if self.log.settled(self.settings.patience):
                    break
                self._step(step, optimizer)
                best = self._measure()
                if best or self.log.step % self.settings.save_steps == 0 or self.log.step == self.plan.steps:
                    self.save(optimizer)
        optimizer.state.clear()  # Half of all memory, which the export needs.
        give_back()
        if self.log.best is not None and self.log.best != self.log.step:
            states.load(self.folder / f"checkpoint-{self.log.best}", self.model, None, self.here)

    def _step(self, step: Step, optimizer: Optimizer) -> None:
        began, rate = time.monotonic(), learning_rate(self.log.step, self.plan.steps, self.settings)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = step.rows[self.here.rank]
        loss, ordered, tokens = self.here.total(*self._backward(rows, step.weight))
        loss, ordered = loss / step.weight, ordered / step.weight
        norm = nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.requires_grad], LARGEST_GRADIENT)
        length = float(getattr(norm, "full_tensor", lambda: norm)())
        for name, value in (("loss", loss), ("gradient", length)):
            if not math.isfinite(value):
                raise DataError(
                    f"The {name} is {value} at step {self.log.step + 1}; lower --learning-rate and give another --out, for {self.folder} "
                    "keeps the last checkpoint of this run."
                )
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        figures = {"loss": loss, "learning_rate": rate, "grad_norm": length}
        if self.batches.in_pairs:
            figures["accuracy"] = ordered
        seconds = time.monotonic() - began
        self.log.add(figures, epoch=self.plan.epoch_of(self.log.step + 1), tokens=int(tokens), seconds=seconds)
        if seconds > LONG_STEP_SECONDS:
            give_back()

    def _backward(self, rows: list[Numbers], weight: float) -> tuple[float, float, int]:
        """Add the gradients of this process's rows; its sums of loss and of pairs in order, and its tokens."""
        loss, ordered, tokens = 0.0, 0.0, 0
        with self._autocast():
            for number, numbers in enumerate(rows, start=1):
                batch = self.batches.batch(numbers)
                with self._quiet(last=number == len(rows)):
                    scores: Tensor = self.wrapped(**batch.row)
                    row_loss = weighted_loss(scores, batch, self.losses)
                    # Gradients are averaged over processes, and are to be summed.
                    (row_loss * (self.here.world / weight)).backward()
                loss, ordered = loss + float(row_loss.detach()), ordered + right(scores, batch)
                tokens += batch.row["input_ids"].numel()
        return loss, ordered, tokens

    def _autocast(self) -> AbstractContextManager[Any]:
        """Without a cache of cast weights: rows are long, so that casting again costs little, and a copy of all weights much."""
        if self.dtype == torch.float32 or (self.settings.shard and self.here.world > 1):
            return nullcontext()
        return torch.autocast(self.here.device.type, self.dtype, cache_enabled=False)

    def _quiet(self, *, last: bool) -> AbstractContextManager[Any]:
        """No exchange of gradients but with the last row of a step."""
        no_sync = getattr(self.wrapped, "no_sync", None)
        return no_sync() if no_sync is not None and not last else nullcontext()

    def _measure(self) -> bool:
        """Measure if it is time; whether the model has never been better."""
        due = self.log.step % self.settings.valid_steps == 0 or self.log.step == self.plan.steps
        if self.measure is None or not due:
            return False
        self.wrapped.eval()
        with torch.no_grad(), self._autocast():
            figures = self._figures()
        self.wrapped.train()
        return self.log.measured(figures)

    def _figures(self) -> dict[str, float]:
        return self.measure() if self.measure is not None else {}

    def save(self, optimizer: Optimizer) -> None:
        """Write a checkpoint of this step."""
        keep = {self.log.best} if self.log.best is not None else set()
        states.save(self.folder / f"checkpoint-{self.log.step}", self.model, optimizer, self.log.state(), self.here, keep)


def make_optimizer(model: RewardModel, settings: Training) -> Optimizer:
    """AdamW; norms and biases do not decay."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in learning if parameter.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [parameter for parameter in learning if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return AdamW([group for group in groups if group["params"]], lr=settings.learning_rate, betas=(0.9, settings.adam_beta2), fused=True)


def learning_rate(step: int, steps: int, settings: Training) -> float:
    """Of the step after `step` steps: up along a line, down along a cosine, as transformers' `get_cosine_schedule_with_warmup`.

    Its first step has the rate 0; where warming up were the only step or nearly, there is none.
    """
    warmup = math.floor(settings.warmup * steps)
    if step < warmup:
        return settings.learning_rate * step / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))

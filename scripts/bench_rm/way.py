"""One way to train on reward data, measured; started by `scripts.bench_rm` with its settings as JSON and a file for the figures."""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rm_train.encoding import Encoded
from rm_train.loop import Run
from rm_train.plan import Plan, Step
from rm_train.reporting import Log
from scripts.bench_rm.settings import Bench

SEED = 0
LEARNING_RATE = 1e-5


def encoded(settings: Bench) -> tuple[Encoded, Plan]:
    """The token ids that all ways read, and the steps that they take."""
    from rm_train.encoding import encode_once
    from rm_train.examples import PAIRS, PREFIXES
    from rm_train.inputs import load_input
    from rm_train.plan import ROW_TOKENS

    kind = PAIRS if settings.kind == "pairs" else PREFIXES
    with tempfile.TemporaryDirectory() as cache:
        data = encode_once(settings.data, kind, load_input(settings.model, None), settings.model, Path(cache))
    row_tokens = settings.row_tokens or ROW_TOKENS["cpu"]
    plan = Plan(data, batch=settings.batch_size, epochs=1, row_tokens=row_tokens, processes=1, seed=SEED)
    plan.steps = min(plan.steps, settings.steps or plan.steps)
    return data, plan


def shared(settings: Bench, *, alone: bool = False) -> dict[str, Any]:
    """Rows of `rm_train`, by its own loop."""
    from rm_train.batches import Batches
    from rm_train.losses import bradley_terry, regression
    from rm_train.masks import GATHERED
    from rm_train.processes import Processes
    from rm_train.settings import Train
    from rm_train.starting import load_model

    data, plan = encoded(settings)
    if alone:
        plan = EachAlone(plan)  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as name:
        options: dict[str, Any] = {"dtype": settings.dtype, "recompute": settings.recompute, "learning_rate": LEARNING_RATE, "seed": SEED}
        training = Train(init=settings.model, pairs=settings.data, out=Path(name) / "rm", warmup=0.0, **options)
        here = Processes(0, 1, torch.device("cpu"))
        model, wrapped, dtype = load_model(training, here, GATHERED)
        batches, log = Batches(data, here.device, 0, 0), StepLog(Path(name), training, speaks=False)
        losses = bradley_terry if settings.kind == "pairs" else regression
        run = Unsaved(training, here, model, wrapped, dtype, plan, batches, losses, log, Path(name))
        figures = _timed(run.train)
    done = sum(len(numbers) for step in plan.steps_from(0) for numbers in step.rows[0])
    counted = {"tokens": batches.tokens, "padding": round(batches.padding / batches.tokens, 4)}
    return {**figures, **counted, "examples": done, "steps": plan.steps, **_losses(log.losses)}


class StepLog(Log):
    """A log that knows the loss of every step."""

    losses: list[float]

    def add(self, figures: dict[str, float], **more: Any) -> None:
        """A step is done."""
        self.losses = [*getattr(self, "losses", []), figures["loss"]]
        super().add(figures, **more)


class Unsaved(Run):
    """A run whose checkpoints are not written, which is no part of what is measured."""

    def save(self, optimizer: torch.optim.Optimizer) -> None:
        """Nothing."""


class EachAlone:
    """The steps of a plan with a row for each example, so that nothing is shared but what the two inputs of a pair begin with."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self.steps, self.epoch_of = plan, plan.steps, plan.epoch_of

    def steps_from(self, first: int) -> Iterator[Step]:
        """As `Plan.steps_from`."""
        for step in self._plan.steps_from(first):
            yield Step([[np.array([number]) for numbers in step.rows[0] for number in numbers]], step.weight)


def trl(settings: Bench) -> dict[str, Any]:
    """TRL's RewardTrainer with its defaults, on the same ids, in the same steps."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    from rm_train.model import load_backbone

    data, plan = encoded(settings)
    order = [number for step in plan.steps_from(0) for numbers in step.rows[0] for number in numbers.tolist()]
    sides = [[data.input(number).tolist() for number in data.examples[one]] for one in order]
    rows = [{"chosen_ids": chosen, "rejected_ids": rejected} for chosen, rejected in sides]
    tokenizer = AutoTokenizer.from_pretrained(str(settings.model))
    # transformers looks for the last token that is not padding: one that ends an input would move its score to the token before.
    ends = {ids[-1] for pair in sides for ids in pair}
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(next(number for number in range(len(tokenizer)) if number not in ends))
    model = load_backbone(settings.model, SEED).float()
    model.config.pad_token_id = tokenizer.pad_token_id
    with tempfile.TemporaryDirectory() as folder:
        arguments = RewardConfig(
            output_dir=folder,
            per_device_train_batch_size=4,
            gradient_accumulation_steps=settings.batch_size // 4,
            train_sampling_strategy="sequential",
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            weight_decay=0.01,
            lr_scheduler_type="cosine",
            max_length=None,
            gradient_checkpointing=settings.recompute,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            bf16=settings.dtype == "bfloat16",
            logging_steps=1,
            disable_tqdm=True,
        )
        trainer = RewardTrainer(model=model, args=arguments, processing_class=tokenizer, train_dataset=Dataset.from_list(rows))
        figures = _timed(trainer.train)
    losses = [float(line["loss"]) for line in trainer.state.log_history if "loss" in line]
    fours = [[ids for pair in sides[start : start + 4] for ids in pair] for start in range(0, len(sides), 4)]
    tokens = sum(len(inputs) * max(map(len, inputs)) for inputs in fours)
    padding = 1 - sum(len(ids) for inputs in fours for ids in inputs) / tokens
    counted = {"tokens": tokens, "padding": round(padding, 4)}
    return {**figures, **counted, "examples": len(rows), "steps": math.ceil(len(rows) / settings.batch_size), **_losses(losses)}


def _timed(work: Callable[[], object]) -> dict[str, float]:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return {"seconds": round(time.monotonic() - wall, 2), "cpu_seconds": round(time.process_time() - cpu, 2)}


def _losses(losses: list[float]) -> dict[str, Any]:
    return {"first_loss": round(losses[0], 4), "last_loss": round(losses[-1], 4), "losses": losses}


if __name__ == "__main__":
    settings = Bench.model_validate_json(sys.argv[2])
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "shared": lambda: shared(settings),
        "alone": lambda: shared(settings, alone=True),
        "trl": lambda: trl(settings),
    }
    figures = ways[sys.argv[1]]()
    figures["per_cpu_second"] = round(figures["examples"] / figures["cpu_seconds"], 3)
    Path(sys.argv[3]).write_text(json.dumps(figures))

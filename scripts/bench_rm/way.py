"""One way to train on pairs, measured; started by `scripts.bench_rm` with its settings as JSON and a file for the figures."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from code_reward.reward_data import Pair
from code_reward.rows import read_rows
from scripts.bench_rm.settings import Bench


def shared(settings: Bench, row_tokens: int = 1024) -> dict[str, Any]:
    """Rows of `rm_train`, by its own loop."""
    from rm_train.batches import Batches
    from rm_train.encoding import encode_once
    from rm_train.examples import PAIRS
    from rm_train.inputs import load_input
    from rm_train.loop import Run
    from rm_train.losses import bradley_terry
    from rm_train.masks import SDPA
    from rm_train.plan import Plan
    from rm_train.processes import Processes
    from rm_train.reporting import Log
    from rm_train.settings import Train
    from rm_train.starting import load_model

    with tempfile.TemporaryDirectory() as name:
        options: dict[str, Any] = {"dtype": settings.dtype, "lora": settings.lora, "freeze": settings.freeze, "warmup": 0.0}
        training = Train(init=settings.model, pairs=settings.pairs, out=Path(name) / "rm", **options)
        here = Processes(0, 1, torch.device("cpu"))
        data = encode_once(settings.pairs, PAIRS, load_input(settings.model, None), settings.model, Path(name))
        model, wrapped, dtype = load_model(training, here, SDPA)
        plan = Plan(data, batch=settings.batch_size, epochs=1, row_tokens=row_tokens, processes=1, seed=0)
        plan.steps = min(plan.steps, settings.steps or plan.steps)
        batches, log = Batches(data, here.device, row_tokens, 0), Log(Path(name), training, speaks=False)
        run = Run(training, here, model, wrapped, dtype, plan, batches, bradley_terry, log, Path(name))
        run.save = lambda optimizer: None  # type: ignore[method-assign]
        figures = _timed(run.train)
        history = log.state()["log_history"]
    done = min(len(data.examples), plan.steps * settings.batch_size)
    counted = {"tokens": batches.tokens, "padding": round(batches.padding / batches.tokens, 4)}
    return {**figures, **counted, "pairs": done, "steps": plan.steps, **_losses([line["loss"] for line in history])}


def alone(settings: Bench) -> dict[str, Any]:
    """The same loop with a row for each pair: nothing is shared between pairs."""
    return shared(settings, row_tokens=1)


def trl(settings: Bench) -> dict[str, Any]:
    """TRL's RewardTrainer with its defaults, but batches of 4."""
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    def said(pair: Pair, program: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": pair.statement}, {"role": "assistant", "content": program}]

    pairs = read_rows(settings.pairs, Pair)[: settings.steps * settings.batch_size if settings.steps else None]
    rows = [{"chosen": said(pair, pair.chosen), "rejected": said(pair, pair.rejected)} for pair in pairs]
    tokenizer = AutoTokenizer.from_pretrained(str(settings.model))
    model = AutoModelForSequenceClassification.from_pretrained(str(settings.model), num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = tokenizer.pad_token_id
    with tempfile.TemporaryDirectory() as folder:
        arguments = RewardConfig(
            output_dir=folder,
            per_device_train_batch_size=4,
            num_train_epochs=1,
            max_length=4096,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            bf16=settings.dtype == "bfloat16",
            logging_steps=1,
            disable_tqdm=True,
        )
        trainer = RewardTrainer(model=model, args=arguments, processing_class=tokenizer, train_dataset=Dataset.from_list(rows))
        figures = _timed(trainer.train)
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    return {**figures, "pairs": len(rows), "steps": trainer.state.global_step, **_losses([float(loss) for loss in losses])}


def _timed(work: Callable[[], object]) -> dict[str, float]:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return {"seconds": round(time.monotonic() - wall, 1), "cpu_seconds": round(time.process_time() - cpu, 1)}


def _losses(losses: list[float]) -> dict[str, float]:
    return {"first_loss": round(losses[0], 3), "last_loss": round(losses[-1], 3)} if losses else {}


if __name__ == "__main__":
    settings = Bench.model_validate_json(sys.argv[2])
    figures = {"shared": shared, "alone": alone, "trl": trl}[sys.argv[1]](settings)
    figures["pairs_per_cpu_second"] = round(figures["pairs"] / figures["cpu_seconds"], 3)
    Path(sys.argv[3]).write_text(json.dumps(figures))

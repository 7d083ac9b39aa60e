"""What every trainer of this project shares: its arguments, and training that resumes and saves whole.

Reward models here, and the SFT and GRPO entry points of `code_reward_trl`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import PrinterCallback, Trainer, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from code_reward.files import replacing_folder


def common_arguments(out: Path, *, learning_rate: float, seed: int, save_steps: int) -> dict[str, Any]:
    """Training arguments that every training command uses; checkpoints go to `OUT.checkpoints`."""
    return {
        "output_dir": str(out.with_name(f"{out.name}.checkpoints")),
        "learning_rate": learning_rate,
        "seed": seed,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": torch.cuda.is_available(),
        "logging_steps": 5,
        "disable_tqdm": True,
        "save_steps": save_steps,
        "save_total_limit": 1,
        "report_to": [],
    }


class Bar(TrainerCallback):
    """A progress bar with the latest loss (or reward), in the place of a line per logging step."""

    def __init__(self, title: str) -> None:
        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._progress = Progress(*columns)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._task = self._progress.add_task("", total=state.max_steps)
        self._progress.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._progress.update(self._task, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        shown = next((name for name in ("reward", "loss") if name in (logs or {})), None)
        if shown is not None and logs is not None:
            self._progress.update(self._task, description=f"{shown} {float(logs[shown]):.3f}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._progress.stop()


def resume(trainer: Trainer, title: str) -> None:
    """Train to the end under a progress bar named `title`, from the last checkpoint if there is one."""
    trainer.remove_callback(PrinterCallback)
    if trainer.is_world_process_zero():
        trainer.add_callback(Bar(title))
    folder = trainer.args.output_dir
    trainer.train(resume_from_checkpoint=get_last_checkpoint(folder) if Path(folder).is_dir() else None)


def train_policy(trainer: Trainer, out: Path, title: str) -> None:
    """Train to the end; then `out` holds the model, its tokenizer and `trainer_state.json` with the log, and no checkpoint is left."""
    resume(trainer, title)
    if not trainer.is_world_process_zero():
        return
    with replacing_folder(out) as folder:
        trainer.save_model(str(folder))
        trainer.state.save_to_json(str(folder / "trainer_state.json"))
    shutil.rmtree(trainer.args.output_dir, ignore_errors=True)

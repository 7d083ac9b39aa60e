"""What every trainer of this project shares: its arguments, and training that resumes and saves whole.

Reward models here, and the SFT and GRPO entry points of `code_reward_trl`.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import PrinterCallback, TrainerCallback
from transformers.utils import is_datasets_available, logging

from code_reward.files import replacing_folder
from rm_train.checkpoints import STATE, checkpoints, last_checkpoint, remove

if TYPE_CHECKING:
    from transformers import Trainer


def quiet() -> None:
    """Keep the libraries' bars, advice and deprecations off the terminal of a command: what a person sees there is ours, and errors."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)
    if is_datasets_available():
        import datasets

        datasets.disable_progress_bars()


def common_arguments(out: Path, *, learning_rate: float, seed: int, save_steps: int) -> dict[str, Any]:
    """Training arguments that every training command uses; checkpoints go to `checkpoints(out)`."""
    return {
        "output_dir": str(checkpoints(out)),
        "learning_rate": learning_rate,
        "seed": seed,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": torch.cuda.is_available(),
        "logging_steps": 5,
        "disable_tqdm": True,
        "save_steps": save_steps,
        "save_total_limit": 1,
        "report_to": [],
        "ddp_find_unused_parameters": False,
    }


class Bar(TrainerCallback):
    """Shows steps and the latest loss (or reward) in a progress bar, in the place of a line per logging step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._task = self._progress.add_task("", total=state.max_steps, completed=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._progress.update(self._task, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        shown = next((name for name in ("reward", "loss") if name in (logs or {})), None)
        if shown is not None and logs is not None:
            self._progress.update(self._task, description=f"{shown} {float(logs[shown]):.3f}")


def resume(trainer: Trainer, title: str) -> None:
    """Train to the end under a progress bar named `title`, from the last checkpoint if there is one."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    checkpoint = last_checkpoint(Path(trainer.args.output_dir))
    trainer.remove_callback(PrinterCallback)
    # The bar gives the terminal back whatever happens: an error is then told below it.
    with Progress(*columns, disable=not trainer.is_world_process_zero()) as progress:
        trainer.add_callback(Bar(progress))
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def train_policy(trainer: Trainer, out: Path, title: str) -> None:
    """Train to the end; then `out` holds the model, its tokenizer and `trainer_state.json` with the log, and no checkpoint is left."""
    resume(trainer, title)
    if hasattr(trainer.model, "merge_and_unload"):  # Adapters become part of the weights that they stand beside.
        trainer.model = trainer.model.merge_and_unload()
    if not trainer.is_world_process_zero():
        trainer.save_model(str(out))  # Writes nothing; but a model in shards is gathered from every process.
        return
    with replacing_folder(out) as folder:
        trainer.save_model(str(folder))
        trainer.state.save_to_json(str(folder / STATE))
    remove(Path(trainer.args.output_dir))

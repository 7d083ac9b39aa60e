"""The log of a run: in the checkpoint, in a file as it grows, on the terminal, and where `--report-to` says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from code_reward.errors import ConfigurationError
from rm_train.checkpoints import STATE, setup_of
from rm_train.places import writing
from rm_train.settings import Training

LOG: Final = "log.jsonl"
EVERY: Final = 5
"""Steps that a line of the log is about."""


class Log:
    """What has happened so far. `step` counts steps done; `best` is the one after which validation accuracy was highest."""

    def __init__(self, folder: Path, settings: Training, *, speaks: bool) -> None:
        self.step = self._steps = 0
        self.best: int | None = None
        self._history: list[dict[str, float]] = []
        self._since: list[dict[str, float]] = []
        self._best_accuracy, self._worse = float("-inf"), 0
        self._folder, self._speaks, self._settings = folder, speaks, settings
        self._progress: Progress | None = None
        self._reporter: _Reporter | None = None

    def go_on(self, state: dict[str, Any]) -> None:
        """From what `state` gave when a checkpoint was written."""
        self.step, self.best = state["global_step"], state["best_step"]
        self._history, self._since = state["log_history"], state["since"]
        self._best_accuracy, self._worse = state["best_accuracy"], state["worse"]

    def state(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "global_step": self.step,
            "best_step": self.best,
            "best_accuracy": self._best_accuracy,
            "worse": self._worse,
            "log_history": self._history,
            "since": self._since,
        }

    def add(self, figures: dict[str, float], *, epoch: float, tokens: int, seconds: float) -> None:
        """A step is done."""
        self.step += 1
        self._since.append({**figures, "tokens": tokens, "seconds": seconds})
        if self._progress is not None:
            self._progress.update(self._task, completed=self.step, description=f"loss {figures['loss']:.3f}")
        if self.step % EVERY == 0 or self.step == self._steps:
            sums = {name: sum(one[name] for one in self._since) for name in self._since[0]}
            means = {name: sums[name] / len(self._since) for name in figures}
            speed = {"tokens_per_second": sums["tokens"] / max(sums["seconds"], 1e-9)}
            self._write({"step": self.step, "epoch": round(epoch, 4), **means, **speed})
            self._since = []

    def measured(self, figures: dict[str, float]) -> bool:
        """Validation figures after this step; whether they are the best so far."""
        better = figures["accuracy"] > self._best_accuracy
        if better:
            self.best, self._best_accuracy, self._worse = self.step, figures["accuracy"], 0
        else:
            self._worse += 1
        self._write({"step": self.step, **{f"valid_{name}": value for name, value in figures.items()}})
        return better

    def settled(self, patience: int | None) -> bool:
        """Whether it has not become better for so many measurements."""
        return patience is not None and self._worse >= patience

    @contextmanager
    def shown(self, steps: int) -> Iterator[None]:
        """Under a progress bar of so many steps, sent where `--report-to` says."""
        self._steps = steps
        columns = (TextColumn("training the reward model"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        if self._speaks:
            with writing(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
                text = "".join(json.dumps(line) + "\n" for line in self._history)
                (self._folder / LOG).write_text(text, encoding="utf-8")
            self._reporter = _reporter(self._settings, self.step)
        try:
            # The bar gives the terminal back whatever happens: an error is then told below it.
            with Progress(*columns, TimeRemainingColumn(), disable=not self._speaks) as self._progress:
                self._task = self._progress.add_task("", total=steps, completed=self.step)
                yield
        finally:
            self._progress = None
            if self._reporter is not None:
                self._reporter.close()

    def _write(self, line: dict[str, float]) -> None:
        self._history.append(line)
        if self._speaks:
            with writing(self._folder), (self._folder / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
        if self._reporter is not None:
            self._reporter.send(line)

    def save(self, folder: Path, setup: dict[str, Any]) -> None:
        """The whole log, what the run was begun with, and a picture, into a reward model's folder."""
        (folder / STATE).write_text(json.dumps({**self.state(), "setup": setup}, indent=1), encoding="utf-8")
        draw(self._history, folder / "training.png")


def draw(history: list[dict[str, float]], path: Path) -> None:
    """Loss and accuracy by step."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(7, 6), layout="constrained")
    for axes, names in ((above, ("loss",)), (below, ("accuracy", "valid_accuracy", "valid_auc"))):
        for name in names:
            points = [(line["step"], line[name]) for line in history if name in line]
            if points:
                axes.plot(*zip(*points, strict=True), marker="." if name.startswith("valid") else None, label=name.replace("_", " "))
                axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    above.set_ylabel("loss")
    below.set(ylabel="share in the right order", xlabel="step", ylim=(0, 1.02))
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


@dataclass(frozen=True)
class _Reporter:
    """Where lines of the log are sent, and what ends that."""

    send: Callable[[dict[str, float]], object]
    close: Callable[[], object]


def require_reporter(report_to: str | None) -> None:
    """Raise `ConfigurationError` if the package is not there."""
    if report_to is not None and find_spec(report_to) is None:
        raise ConfigurationError(f"--report-to {report_to} needs that package; install it with pip.")


def _reporter(settings: Training, step: int) -> _Reporter | None:
    """For a run of which `step` steps are done; what it sent of later ones before it was killed is replaced.

    Its files lie beside `--out`, and not with the checkpoints, which are removed at the end.
    """
    if settings.report_to is None:
        return None
    folder = str(settings.out.with_name(f"{settings.out.name}.{settings.report_to}"))
    if settings.report_to == "tensorboard":
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(folder, purge_step=step + 1 if step else None)

        def add(line: dict[str, float]) -> None:
            for name, value in line.items():
                if name != "step":
                    writer.add_scalar(name, value, int(line["step"]))

        return _Reporter(add, writer.close)
    import wandb

    Path(folder).mkdir(parents=True, exist_ok=True)
    # A run that goes on is the same run there.
    whole = json.dumps([str(settings.out.absolute()), setup_of(settings.out)])
    options = {"id": hashlib.sha256(whole.encode()).hexdigest()[:16], "resume": "allow", "dir": folder}
    try:
        run = wandb.init(project="code-reward", name=settings.out.name, config=settings.model_dump(mode="json"), **options)
    except wandb.Error as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"--report-to wandb: no run can be begun there ({first}); log in, or set WANDB_MODE=offline.") from error
    return _Reporter(lambda line: run.log(line, step=int(line["step"])), run.finish)

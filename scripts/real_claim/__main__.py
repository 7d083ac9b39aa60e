"""Compare rewards without tests on real programs by a frozen language model: `python -m scripts.real_claim`."""

from __future__ import annotations

import time
from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError, DataError


class RealClaim(Command):
    """Learn reward heads on a frozen language model by parts of the problems, and compare them with what needs no training.

    Writes report.md into OUT. What the model holds of each problem's programs is kept there too, so that a stopped run goes on.
    """

    model: Path
    """Folder of a causal chat model."""
    labelled: Path
    """Labelled programs (data_prep.label), many of each problem; every problem is judged by heads of other problems."""
    also: list[Path] = Field(default=[])
    """Labelled programs of other problems, which are trained on along with these."""
    matrices: Path | None = None
    """Results of generated tests on the same programs (data_prep.unit_tests.matrix), for choosing by tests and by both."""
    scores: list[str] = Field(default=[])
    """NAME=FILE: scores of these programs by a reward model (the .scores.parquet of rm_train.evaluate), each problem's by a model that was
    not trained on it; may be given several times, and a name as well, for the parts of the problems."""
    out: Path
    """Folder of the run."""
    problems: int | None = Field(default=None, ge=10)
    """Read only so many problems, drawn from those that have a right and a wrong program."""
    per_problem: int | None = Field(default=None, ge=2)
    """Read only so many distinct programs of each problem, half of them right as far as there are."""
    layers: list[int] = Field(default=[12, 15, 18, 21, 24], min_length=1)
    """Layers on whose outputs heads are learnt, from the second half of the model; the last one is its whole depth."""
    seeds: int = Field(default=3, gt=0)
    """Partitions of the problems into five parts."""
    row_tokens: int = Field(default=1024, ge=64)
    """Tokens that pass through the model at once; changes speed and memory alone."""
    threads: int = Field(default=1, gt=0)
    """Of torch; one is the fastest beside other work."""


def main(settings: RealClaim) -> None:
    """Read, compare, report."""
    import torch
    from rich.progress import track

    from code_reward.files import write_text
    from code_reward.reward_data import LabelledProgram
    from code_reward.rows import read_all
    from code_reward.selection.matrix import load_matrices
    from scripts.real_claim.draw import draw
    from scripts.real_claim.report import report
    from scripts.real_claim.rivals import scores_of
    from scripts.real_claim.states import Backbone, problems_of
    from scripts.real_claim.study import PARTS, Study

    if settings.matrices and (settings.problems or settings.per_problem):
        raise ConfigurationError("--matrices are of all candidates; leave out --problems and --per-problem, or the matrices.")
    torch.set_num_threads(settings.threads)
    began = time.monotonic()

    def make() -> Backbone:
        return Backbone(settings.model, settings.layers, settings.row_tokens)

    rows = draw(read_all([settings.labelled], LabelledProgram), settings.problems, settings.per_problem)
    problems = problems_of(rows, settings.out / "states", settings.layers, make)
    others = read_all(settings.also, LabelledProgram)
    more = problems_of(others, settings.out / "states_also", settings.layers, make) if others else []
    shared = {problem.name for problem in problems} & {problem.name for problem in more}
    if shared:
        raise ConfigurationError(f"--also holds problems that are judged too ({min(shared)}, …); take them out.")
    if sum(bool(problem.passed.any() and not problem.passed.all()) for problem in problems) < 2 * PARTS:
        raise DataError(f"Fewer than {2 * PARTS} problems have a right and a wrong program; label more.")
    matrices = {matrix.problem_id: matrix for matrix in load_matrices(settings.matrices)} if settings.matrices else {}
    trained = scores_of(settings.scores, problems)
    study = Study(problems, settings.layers, more, matrices, rows, trained)
    for seed in track(range(settings.seeds), "partitions"):
        study.add_partition(seed)
        minutes = (time.monotonic() - began) / 60
        header = [f"Model: {settings.model.name}. {seed + 1} partitions into {PARTS} parts. {minutes:.1f} minutes."]
        write_text(settings.out / "report.md", report(study, header))
    print(f"Report: {settings.out / 'report.md'}")


if __name__ == "__main__":
    run(RealClaim, main)

"""Measure a reward model against executed truth: `python -m rm_train.evaluate`.

Reads labelled programs of problems that the model was not trained on, scores every distinct one, and reports accuracy on pairs within a
problem, AUC over all programs, and calibration, for each origin of the wrong programs apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.reward_data import LabelledProgram


class Evaluate(Command):
    """Evaluate a reward model on labelled programs."""

    model: Path
    """Reward model folder."""
    labelled: list[Path]
    """Labelled programs of problems that the model has not seen; several files are put together."""
    out: Path
    """File for the figures (JSON); the scores of all programs go to OUT with the ending .scores.parquet, a page with plots and the worst
    errors with .html."""
    device: str | None = None
    """Where the model runs: cpu, cuda, cuda:1; by default CUDA where there is one."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of its body; the head is float32 always."""
    threads: int | None = Field(default=None, gt=0)
    """CPU threads; by default torch's own choice."""
    seed: int = 0
    """Seed of the bootstrap."""


def main(settings: Evaluate) -> None:
    """Score, measure, write and print."""
    from code_reward.errors import DataError
    from code_reward.files import write_text
    from code_reward.rows import read_all, write_rows
    from code_reward_view.export import write_page
    from rm_train.measure import ENOUGH, evaluate_all, print_table, score_programs

    rows = read_all(settings.labelled, LabelledProgram)
    if not any(row.program for row in rows):
        raise DataError(f"None of the {len(rows)} labelled answers holds a program; label answers that do.")
    # Before hours of scoring; the figures ask for as much of what was scored.
    both = {row.problem_id for row in rows if row.program and row.passed} & {
        row.problem_id for row in rows if row.program and not row.passed
    }
    if len(both) < ENOUGH:
        raise DataError("Fewer than two problems have a right and a wrong program; label more programs per problem.")
    scored = score_programs(settings.model, rows, device=settings.device, dtype=settings.dtype, threads=settings.threads)
    if not scored:
        raise DataError(f"None of the {len(rows)} programs fits the reward model's input; take one that reads longer texts.")
    evaluations = evaluate_all(scored, seed=settings.seed)
    write_rows(settings.out.with_suffix(".scores.parquet"), scored)
    write_text(settings.out, "{\n" + ",\n".join(f'"{name}": {result.model_dump_json()}' for name, result in evaluations.items()) + "\n}\n")
    write_page(settings.out.with_suffix(".scores.parquet"), settings.out.with_suffix(".html"), settings.seed)
    print_table(evaluations)


if __name__ == "__main__":
    run(Evaluate, main)

"""What `code-reward pick` takes."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command
from code_reward.reference import Dtype


class Pick(Command):
    """Pick the best of N answers to each problem: by scores (--model, or a file of code-reward score), by tests (--tests), or by both."""

    answers: CliPositionalArg[list[str]]
    """Files of answers, several per problem: statement or problem_id, and response or program; - reads JSONL from standard input."""
    model: Path | None = None
    """Reward model folder. Without it the column `score` is used where there is one."""
    url: list[str] = Field(default=[])
    """Address of a server of that model; without it the model is loaded here."""
    tests: Path | None = None
    """Problems with tests, or generated tests (data_prep.unit_tests.synthesis); answers run against them in the sandbox."""
    rule: str | None = None
    """A rule of code_reward.selection; by default best_by_score, majority_vote (tests alone) or hybrid (both)."""
    out: str = "-"
    """File for the picked answers (.jsonl or .parquet); - prints JSONL."""
    problems: Path | None = None
    """Problem file with the statements, for answers that only name their problem_id."""
    sandbox: str | None = None
    """Address of a sandbox server; without it, programs run in this machine's own sandbox."""
    cpu_seconds: float = Field(default=3.0, gt=0)
    """CPU seconds that a program may use per test."""
    dtype: Dtype = "float32"
    """What the model computes in."""
    device: str = "cpu"
    """Where a model that is loaded here runs."""
    seed: int = 0
    """Decides between answers that a rule cannot tell apart."""

"""Turn a published pool of solutions into candidate rows: `python -m data_prep.candidates NAME PATH --out FILE`."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.rows import at_least_one, write_rows
from data_prep.candidates import load_candidates


class Candidates(Command):
    """Turn a published pool of solutions into candidate rows."""

    name: CliPositionalArg[str]
    """codegen16b, qwen25coder, humanevalpack, lcb, kodcode, leetcode, acecode, coderm or rm_bench; benchmark for a run of your own."""
    path: CliPositionalArg[Path]
    """The published file, or the answers.jsonl.gz of `benchmarks.policy`."""
    out: Path
    """File for the candidates (JSONL or parquet)."""


def main(settings: Candidates) -> None:
    """Read, write, and say how many."""
    candidates = at_least_one(load_candidates(settings.name, settings.path), f"{settings.path} has no rows; give the published file.")
    write_rows(settings.out, candidates)
    distinct = len({(candidate.problem_id, candidate.program or candidate.response) for candidate in candidates})
    problems = len({candidate.problem_id for candidate in candidates})
    print(f"{len(candidates)} candidates ({distinct} distinct) for {problems} problems: {settings.out}")


if __name__ == "__main__":
    run(Candidates, main)

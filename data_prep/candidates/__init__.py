"""Candidates: what models answered to known problems, read from published pools.

    candidates = load_candidates("codegen16b", "candidates/codegen16b_humaneval_even.jsonl.gz")

Pools differ in what they hold: completions of a prompt, buggy twins of right solutions, or whole answers with reasoning. None is labelled
here; where a publisher gave a verdict it is kept beside the candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from code_reward.errors import ConfigurationError
from data_prep.candidates.answers import acecode, benchmark, coderm, kodcode, leetcode, livecodebench, rm_bench
from data_prep.candidates.candidate import Candidate, read_candidates
from data_prep.candidates.completions import codegen16b, humanevalpack, qwen25coder

__all__ = ["POOLS", "Candidate", "load_candidates", "read_candidates"]

POOLS: dict[str, Callable[[Path], list[Candidate]]] = {
    "codegen16b": codegen16b,
    "qwen25coder": qwen25coder,
    "humanevalpack": humanevalpack,
    "lcb": livecodebench,
    "kodcode": kodcode,
    "leetcode": leetcode,
    "acecode": acecode,
    "coderm": coderm,
    "rm_bench": rm_bench,
    "benchmark": benchmark,
}


def load_candidates(name: str, path: str | Path) -> list[Candidate]:
    """Read the file at `path` as the pool `name`; raises `ConfigurationError` for an unknown pool, `DataError` for a malformed row."""
    if name not in POOLS:
        raise ConfigurationError(f"Unknown pool {name!r}; use one of {', '.join(POOLS)}.", kind="unknown_name")
    return POOLS[name](Path(path))

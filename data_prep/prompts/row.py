"""One row of prompt data: as slime reads it with `--input-key prompt --label-key label --metadata-key metadata`, and in verl's columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from code_reward.files import replacing
from code_reward.problem import Problem, describe

INSTRUCTION = "Answer with one Python program in a ```python block."


class PromptRow(BaseModel):
    """A prompt and what rewards need to know of it."""

    prompt: list[dict[str, str]]
    """Chat messages; `--apply-chat-template` renders them."""
    label: str
    """The reference solution, or nothing; never shown to the policy."""
    metadata: dict[str, Any]
    """What `code_reward.problem.describe` says of the problem."""


def to_row(problem: Problem, instruction: str) -> PromptRow:
    """The statement with an instruction below it; the metadata keep the bare statement, which is what a reward model reads."""
    return PromptRow(prompt=_messages(problem, instruction), label=problem.reference_solution or "", metadata=describe(problem))


def write_verl(path: Path, problems: Sequence[Problem], instruction: str) -> None:
    """The same for verl, as a parquet file, at once or not at all. What a reward needs to know is in `extra_info`; tests are JSON text
    there, because a parquet column has one shape."""
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([_verl_row(problem, number, instruction) for number, problem in enumerate(problems)])
    with replacing(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def _verl_row(problem: Problem, number: int, instruction: str) -> dict[str, Any]:
    known = describe(problem)
    return {
        "data_source": problem.source or "code_reward",
        "prompt": _messages(problem, instruction),
        "ability": "code",
        "reward_model": {"style": "model", "ground_truth": problem.reference_solution or ""},
        "extra_info": {**known, "index": number, "tests": json.dumps(known["tests"])},
    }


def _messages(problem: Problem, instruction: str) -> list[dict[str, str]]:
    asked = f"{problem.statement.rstrip()}\n\n{instruction}" if instruction else problem.statement
    return [{"role": "user", "content": asked}]

"""The forms in which preferences are published, told apart by their columns.

Looked up on the cards of the data sets in November 2026; a data set of one's own in any of these forms is read the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from code_reward.errors import DataError
from data_prep.preferences.conversations import Trouble, exchange_in
from data_prep.sources.humanevalpack import HumanEvalPackRecord

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Preference:
    """One row: two texts about one problem, of which the first is the better; `programs` says that they are programs, not answers."""

    statement: str
    chosen: str
    rejected: str
    group: str
    problem_id: str | None = None
    entry_point: str | None = None
    programs: bool = False


@dataclass(frozen=True)
class Form:
    """How one kind of file writes a preference down.

    Args:
        example: A data set that is published so.
        columns: What a row must have; the first form whose columns are all there is taken.
        read: From a row to its preference, or to why it is none.
    """

    example: str
    columns: frozenset[str]
    read: Callable[[Row], Preference | Trouble]


def form_of(columns: Collection[str]) -> Form:
    """The form of a file with these columns; raises `DataError` for one that is unknown."""
    for form in FORMS:
        if form.columns <= set(columns):
            return form
    known = "; ".join(f"{', '.join(sorted(form.columns))} (as {form.example})" for form in FORMS)
    raise DataError(
        f"No known form of preferences has the columns {', '.join(sorted(columns)) or '(none)'}; rename them to one of: {known}."
    )


def _codescaler(row: Row) -> Preference | Trouble:
    return _answers(row["question_content"], row["code_pos"], row["code_neg"], "CodeScalerPair")


def _instruction(row: Row) -> Preference | Trouble:
    """As LLaMA-Factory's rankings: `input`, where it is not empty, goes on from `instruction`."""
    asked = "\n".join(text for text in (row["instruction"], row.get("input")) if text)
    return _answers(asked, row["chosen"], row["rejected"], str(row.get("source") or "AceCodePair"))


def _prompted(row: Row) -> Preference | Trouble:
    return _answers(row["prompt"], row["chosen"], row["rejected"], str(row.get("source") or "preferences"))


def _conversations(row: Row) -> Preference | Trouble:
    return _answers(None, row["chosen"], row["rejected"], str(row.get("source") or "preferences"))


def _twins(row: Row) -> Preference:
    record = HumanEvalPackRecord.model_validate(row)
    right, wrong = (record.prompt + body for body in (record.canonical_solution, record.buggy_solution))
    return Preference(record.prompt, right, wrong, "HumanEvalPack", record.task_id, record.entry_point, programs=True)


def _answers(prompt: Any, chosen: Any, rejected: Any, group: str) -> Preference | Trouble:
    better, worse = exchange_in(prompt, chosen), exchange_in(prompt, rejected)
    if isinstance(better, str):
        return better
    if isinstance(worse, str):
        return worse
    return Preference(better[0], better[1], worse[1], group) if better[0] == worse[0] else "several_turns"


FORMS: Final = (
    Form("LARK-Lab/CodeScalerPair-51K", frozenset({"question_content", "code_pos", "code_neg"}), _codescaler),
    Form("bigcode/humanevalpack", frozenset({"task_id", "prompt", "entry_point", "canonical_solution", "buggy_solution"}), _twins),
    Form("TIGER-Lab/AceCodePair-300K", frozenset({"instruction", "chosen", "rejected"}), _instruction),
    Form("texts or messages with a prompt, the usual form of TRL", frozenset({"prompt", "chosen", "rejected"}), _prompted),
    Form("Skywork/Skywork-Reward-Preference-80K-v0.2: messages", frozenset({"chosen", "rejected"}), _conversations),
)

"""One answer, whole: what was asked, what was written, the program in it, and what everybody said of it. Nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final

from code_reward.extraction import extract_code
from code_reward_view.dumps import plain
from code_reward_view.entry import answer_of, entry_of, number

LONGEST: Final = 200_000
"""Characters of a text that are sent to the page."""
_SHOWN: Final = frozenset(
    [
        "statement",
        "prompt",
        "response",
        "completion",
        "program",
        "metadata",
        "tree",
        "line_scores",
        "tests",
        "test_outcomes",
        "judgement",
        "tokens",
        "loss_mask",
        "rollout_log_probs",
        "teacher_log_probs",
        "problem_id",
        "entry_point",
        "label",
        "messages",
    ]
)
"""Columns that are shown in a way of their own, or are for machines."""
_FACT: Final = 200
"""Characters of a value that is shown beside its name."""
_TESTS, _TEST = 200, 4000
"""Tests that are shown, and characters of each."""


def detail(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the page shows of a row."""
    metadata, judgement = _mapping(row.get("metadata")), _mapping(row.get("judgement"))
    record = _mapping(metadata.get("code_reward"))
    entry_point = row.get("entry_point") or metadata.get("entry_point")
    code, reason = program_of(row, entry_point if isinstance(entry_point, str) else None)
    return {
        **entry_of(row)._asdict(),
        "statement": _cut(row.get("statement") or metadata.get("statement") or _asked(row.get("prompt"))),
        "entry_point": entry_point if isinstance(entry_point, str) else "",
        "response": _cut(row.get("response") or row.get("completion")),
        "program": _cut(code),
        "no_program": reason,
        "line_scores": _line_scores(row.get("line_scores") or record.get("line_scores")),
        "tests": _tests(row.get("tests") or metadata.get("tests"), record or row),
        "tree": row.get("tree") or [],
        "words": _cut(judgement.get("words") or _mapping(record.get("judge")).get("words")),
        "evidence": _cut(judgement.get("evidence")),
        "facts": _facts(row, record, metadata),
    }


def program_of(row: Mapping[str, Any], entry_point: str | None = None) -> tuple[str, str]:
    """The program in a row, and if there is none, why."""
    program = row.get("program")
    if isinstance(program, str) and program:
        return program, ""
    found = extract_code(answer_of(row), entry_point=entry_point)
    return found.code or "", str(found.reason or "")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cut(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    # Half characters cannot be sent.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… {len(text) - LONGEST:,} more characters"


def _asked(prompt: Any) -> str:
    if isinstance(prompt, list):
        turns = [turn for turn in prompt if isinstance(turn, dict) and isinstance(turn.get("content"), str)]
        return next((str(turn["content"]) for turn in reversed(turns) if turn.get("role") == "user"), "")
    return prompt if isinstance(prompt, str) else ""


def _line_scores(values: Any) -> list[float | None]:
    return [number(value) for value in values] if isinstance(values, list) else []


def _tests(tests: Any, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tests, each with its outcome where the row has one per test; outcomes alone where it has no tests."""
    if isinstance(tests, str):
        try:
            tests = json.loads(tests)
        except (ValueError, RecursionError):
            tests = [tests]
    outcomes = record.get("test_outcomes") or record.get("tests_passed")
    outcomes = outcomes if isinstance(outcomes, list) else []
    listed = tests[:_TESTS] if isinstance(tests, list) else []
    if not listed:
        return _outcomes(outcomes)[:_TESTS]
    return [_test(test, outcomes[place] if place < len(outcomes) else None) for place, test in enumerate(listed)]


def _outcomes(outcomes: list[Any]) -> list[dict[str, Any]]:
    """Outcomes of tests that nobody knows, those that are alike and follow each other together."""
    told, first = [], 1
    for outcome, alike in groupby(outcomes):
        last = first + len(list(alike)) - 1
        told.append(_test(f"# test {first}" if last == first else f"# tests {first} to {last}", outcome))
        first = last + 1
    return told


def _test(test: Any, outcome: Any) -> dict[str, Any]:
    given = test if isinstance(test, dict) else {"code": str(test)}
    text = given.get("code") or "\n".join(f"{name}: {value}" for name, value in given.items() if name != "kind")
    if isinstance(outcome, bool):
        outcome = "passed" if outcome else "failed"
    return {
        "kind": str(given.get("kind") or ""),
        "text": _cut(str(text)[:_TEST]),
        "outcome": outcome if isinstance(outcome, str) else "",
    }


def _facts(row: Mapping[str, Any], record: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[list[str]]:
    """Everything else that is short, by name."""
    own = {name: value for name, value in row.items() if name not in _SHOWN}
    ours = {name: value for name, value in record.items() if name not in own}
    others = {name: value for name, value in metadata.items() if name not in {*own, *ours, *_SHOWN, "code_reward"}}
    return [[name, text] for name, value in {**own, **ours, **others}.items() if (text := _fact(value))]


def _fact(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return _cut(text[:_FACT] + ("…" if len(text) > _FACT else ""))

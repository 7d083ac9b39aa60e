"""Score items once: what the journal holds is not scored again; a missing verdict is not kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.rewards.judges import Judge
from benchmarks.rewards.row import Item
from benchmarks.run_folder import Progress
from code_reward.journal import Journal
from code_reward.verdict import Missing, Rejected, Verdict, from_record, to_record

AT_ONCE = 32
"""Items between two lines of the journal: what a kill loses at most."""


def score_items(folder: Path, name: str, items: Sequence[Item], judge: Callable[[], Judge]) -> list[Verdict]:
    """A verdict per item, in order; equal items are scored once, and `judge` is made only where something is left to score."""
    keys = [_key(item) for item in items]
    verdicts: dict[str, Verdict] = {}
    with Journal(folder / "scores.jsonl") as journal:
        verdicts = {key: from_record(journal.records[key]) for key in keys if key in journal.records}
        # A policy's answer that holds no program; there is nothing to score.
        verdicts |= {key: Rejected("no_code") for key, item in zip(keys, items, strict=True) if item.is_program and not item.answer.strip()}
        left = {key: item for key, item in zip(keys, items, strict=True) if key not in verdicts}
        # Answers to one prompt stay together: they share it. Long ones first: what does not fit in memory shows at once.
        longest: dict[str, int] = {}
        for item in left.values():
            longest[item.prompt] = max(longest.get(item.prompt, 0), len(item.answer))
        order = sorted(left, key=lambda key: (-len(left[key].prompt) - longest[left[key].prompt], left[key].prompt))
        if order:
            model = judge()
            with Progress(folder, f"scoring {name}", len(set(keys)), len(verdicts)) as progress:
                for start in range(0, len(order), AT_ONCE):
                    batch = order[start : start + AT_ONCE]
                    for key, verdict in zip(batch, model.score([left[key] for key in batch]), strict=True):
                        verdicts[key] = verdict
                        if not isinstance(verdict, Missing):
                            journal.write(key, to_record(verdict))
                        progress.advance()
    return [verdicts[key] for key in keys]


def _key(item: Item) -> str:
    parts = json.dumps([item.prompt, item.answer, item.language, item.is_program])
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32]

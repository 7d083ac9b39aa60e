"""LiveCodeBench problems as they stand in a submission file (LiveCodeBench/submissions).

Such a file holds a model's outputs beside the problems but not the hidden tests, so these problems have none: they serve extraction and
selection, and the published verdicts of the outputs (`data_prep.candidates`) are the only labels.
"""

from __future__ import annotations

import re
from pathlib import Path

from code_reward.problem import Problem
from data_prep.sources.records import Record, read_problems
from data_prep.sources.source import Source


class LiveCodeBenchRecord(Record):
    question_id: str
    question_title: str
    question_content: str
    platform: str
    contest_date: str
    starter_code: str
    difficulty: str


def read(path: Path) -> list[Problem]:
    """Problems with starter code are LeetCode's; the others read stdin. Title, platform, date and difficulty are kept as columns."""
    return read_problems(path, LiveCodeBenchRecord, _problem)


def _problem(record: LiveCodeBenchRecord) -> Problem:
    method = re.search(r"^\s+def (\w+)\(self\b", record.starter_code, re.MULTILINE)
    skeleton = f"\n\nComplete this code:\n```python\n{record.starter_code.rstrip()}\n```" if record.starter_code else ""
    return Problem(
        id=record.question_id,
        statement=record.question_content + skeleton,
        entry_point=f"Solution().{method.group(1)}" if method else None,
        starter_code=record.starter_code,
        source="lcb",
        title=record.question_title,
        platform=record.platform,
        contest_date=record.contest_date,
        difficulty=record.difficulty,
    )


LIVECODEBENCH = Source(read, "LiveCodeBench/submissions (MIT)")

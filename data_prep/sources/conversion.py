"""From the files of a data set to problems, one at a time, with an account of every row that gives none.

The largest sets have gigabytes: nothing is kept here but counts and ids, and of references that are verified a few hundred at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from code_reward.errors import ConfigurationError, DataError, SandboxError
from code_reward.problem import Problem
from data_prep.sources import SOURCES, Source
from data_prep.sources.hub import Part, locate
from data_prep.sources.records import LEFT_OUT, MISFIT

CHUNK = 256
"""Problems that are verified together."""
_CHARACTERS = 64 << 20
"""Text of the tests of problems that are verified together, beyond the last one's."""


@dataclass
class Tally:
    """What became of the rows."""

    problems: int = 0
    references: int = 0
    tests: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    example: str = ""
    verified: int = 0
    failed: list[str] = field(default_factory=list)
    """Ids of problems whose reference solution fails, with how."""

    def add(self, problem: Problem) -> None:
        """Count a problem that is written."""
        self.problems += 1
        self.references += problem.reference_solution is not None
        self.tests.update(test.kind for test in problem.tests)

    def lines(self, out: Path) -> Iterator[str]:
        """The account for a person."""
        yield f"{self.problems} problems: {out}"
        yield f"  tests: {', '.join(f'{count} {kind}' for kind, count in self.tests.most_common()) or 'none'}"
        yield f"  with a reference solution: {self.references}"
        yield from (f"  left out: {count} ({why})" for why, count in self.left_out.most_common())
        if self.malformed:
            yield f"  left out: {self.malformed} malformed, such as {self.example}"
        yield from (f"  left out: {problem}" for problem in self.failed)
        if self.verified:
            yield f"  verified: {self.verified} references, {self.verified - len(self.failed)} pass their own tests"

    def check(self, asked: str, verify: bool) -> None:
        """Raises `DataError` where no problem came of the rows, or nothing could be verified."""
        if not self.problems:
            causes = [f"{why} {count}" for why, count in self.left_out.items()]
            causes += [f"malformed {self.malformed}, such as {self.example}"] if self.malformed else []
            causes += [f"failing references {len(self.failed)}"] if self.failed else []
            raise DataError(f"No problem came of {asked} ({'; '.join(causes) or 'it has no rows'}); docs/real_data.md names the files.")
        if verify and not self.verified:
            raise DataError(
                f"--verify: none of the {self.problems} problems has both tests and a reference solution, so there is nothing to verify; "
                "leave it away, or give a file with both."
            )


def paths_of(source: Source, paths: Sequence[Path], part: Part) -> Iterator[Path]:
    """The files to read: those given, or the source's own on the hub; what `part` leaves open the source decides."""
    if not paths and not source.hub:
        raise ConfigurationError(f"Give the published file: {source.origin}.")
    chosen = Part(part.config or source.part.config, part.split or source.part.split, part.revision)
    for path in paths or [Path(source.hub)]:
        yield from locate(path, chosen)


def problems_of(name: str, paths: Sequence[Path], part: Part, tally: Tally, *, skip_malformed: bool = False) -> Iterator[Problem]:
    """The problems of all files of a source, in order.

    Raises:
        DataError: A row is malformed and is not to be skipped, a file has other columns, or an id occurs twice.
    """
    source = SOURCES.get(name)
    seen: set[str] = set()
    for path in paths_of(source, paths, part):
        for row in source.survey(path):
            if isinstance(row, Problem) and row.id in seen:
                row = DataError(f"{path}: the id {row.id!r} occurs a second time; give every problem its own.")
            if isinstance(row, Problem):
                seen.add(row.id)
                yield row
            elif row.kind == LEFT_OUT:
                tally.left_out[str(row)] += 1
            elif row.kind == MISFIT or not skip_malformed:
                raise row if row.kind == MISFIT else DataError(f"{row} --skip-malformed leaves such rows out.", kind=row.kind)
            else:
                tally.malformed += 1
                tally.example = tally.example or str(row)


def verified(problems: Iterable[Problem], journal: str, tally: Tally) -> Iterator[Problem]:
    """The problems without those whose reference solution fails its tests; without tests or reference there is nothing to verify."""
    rows = iter(problems)
    while chunk := list(_chunk(rows)):
        yield from _verified(chunk, journal, tally)


def _chunk(rows: Iterator[Problem]) -> Iterator[Problem]:
    size = 0
    for problem in islice(rows, CHUNK):
        yield problem
        size += sum(len(text) for test in problem.tests for text in test.model_dump().values() if isinstance(text, str))
        if size > _CHARACTERS:
            return


def _verified(problems: Sequence[Problem], journal: str, tally: Tally) -> list[Problem]:
    from data_prep.candidates import Candidate
    from data_prep.label import label_now

    testable = [problem for problem in problems if problem.tests and problem.reference_solution]
    references = [Candidate(problem_id=problem.id, program=problem.reference_solution or "") for problem in testable]
    outcomes = {row.problem_id: row.outcome for row in label_now(testable, references, journal=journal)} if testable else {}
    unknown = [problem.id for problem in testable if problem.id not in outcomes]
    if unknown:
        raise SandboxError(
            f"The sandbox failed on {len(unknown)} references, such as that of {unknown[0]!r}; mend it and run this again, or take them "
            "out of the file."
        )
    failing = {problem.id for problem in testable if outcomes[problem.id] != "passed"}
    tally.verified += len(testable)
    tally.failed += [f"{problem_id} (its reference solution: {outcomes[problem_id]})" for problem_id in sorted(failing)]
    return [problem for problem in problems if problem.id not in failing]

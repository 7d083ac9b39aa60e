"""From the rows of published files to pairs of programs, each row accounted for.

A row becomes a pair if both answers hold a program by the extraction that rewards use too; what a reward would reject before any model sees
it teaches a model nothing. The answers are kept beside the programs, for reward models that read answers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final, Literal, get_args

from code_reward.errors import DataError
from code_reward.extraction import REASONS, Extraction, extract_code
from code_reward.pools import Pool
from code_reward.reward_data import Pair
from code_reward.validity import check_program
from data_prep.preferences.conversations import Trouble
from data_prep.preferences.forms import Preference, form_of
from data_prep.sources.records import raw_records

Repetition = Literal["same_program", "repeated", "contradicted"]
Outcome = Pair | str
"""A pair, or the reason (a key of `LEFT_OUT`) why the row gives none."""

LEFT_OUT: Final[dict[str, str]] = {
    "no_statement": "no user's turn, or an empty prompt",
    "no_answer": "no assistant's turn, or an empty answer",
    "several_turns": "a conversation of several turns, or two answers to different problems",
    **{f"{side}_{reason}": f"{side}: {why}" for side in ("chosen", "rejected") for reason, why in REASONS.items()},
    "same_program": "both answers hold the same program",
    "repeated": "a row before says the same",
    "contradicted": "a row before says the opposite; neither is used",
}
"""Why a row gives no pair."""

assert set(get_args(Trouble)) | set(get_args(Repetition)) <= LEFT_OUT.keys()

CHUNK = 256


def read_preferences(paths: Sequence[Path], workers: int = 1) -> Iterator[Outcome]:
    """What becomes of every row of the files, in their order, all but repetitions (`settle` finds those).

    Raises:
        DataError: A file that cannot be read, that is empty, whose columns are of no known form, or a row without one of them.
    """
    preferences = chain.from_iterable(map(preferences_in, paths))
    if workers == 1:
        yield from map(pair_of, preferences)
        return
    with Pool(workers) as pool:
        # A few chunks at a time, so that no file is held in memory whole.
        while some := list(islice(preferences, CHUNK * workers * 4)):
            yield from pool.map(pair_of, some, chunksize=CHUNK)


def preferences_in(path: Path) -> Iterator[Preference | Trouble]:
    """Every row of one file; all are read as the first one's columns say."""
    rows = raw_records(path)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{path} has no rows; give the published file.")
    form = form_of(_columns(path, *first))
    for number, row in chain([first], rows):
        if missing := form.columns - _columns(path, number, row):
            raise DataError(f"{path}, row {number}: no column {sorted(missing)[0]}; correct the row or remove it.")
        try:
            yield form.read(row)
        except (AttributeError, TypeError, ValueError) as error:
            raise DataError(f"{path}, row {number}: neither text nor messages in {', '.join(sorted(form.columns))} ({error}).") from error


def pair_of(preference: Preference | Trouble) -> Outcome:
    """The pair of a preference, or why there is none."""
    if not isinstance(preference, Preference):
        return preference
    sides = {"chosen": _extract(preference.chosen, preference), "rejected": _extract(preference.rejected, preference)}
    for side, extraction in sides.items():
        if extraction.code is None:
            return f"{side}_{extraction.reason}"
    chosen, rejected = (extraction.code or "" for extraction in sides.values())
    if chosen.strip() == rejected.strip():
        return "same_program"
    return Pair(
        problem_id=preference.problem_id or hashlib.sha256(preference.statement.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        statement=preference.statement,
        entry_point=preference.entry_point,
        chosen=chosen,
        rejected=rejected,
        chosen_response=_words(preference.chosen, chosen),
        rejected_response=_words(preference.rejected, rejected),
        origin="mutant" if preference.programs else "policy",
        group=preference.group,
    )


def settle(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes with `repeated` in the place of pairs that stand there before, and `contradicted` where both orders do."""
    settled: list[Outcome] = []
    places: dict[tuple[str, str, str], int] = {}
    for outcome in outcomes:
        settled.append(outcome)
        if isinstance(outcome, Pair):
            key = (outcome.problem_id, outcome.chosen, outcome.rejected)
            opposite = places.get((outcome.problem_id, outcome.rejected, outcome.chosen))
            if opposite is not None:
                settled[opposite] = settled[-1] = "contradicted"
            elif key in places:
                settled[-1] = "repeated"
            else:
                places[key] = len(settled) - 1
    return settled


def _extract(text: str, preference: Preference) -> Extraction:
    if not preference.programs:
        return extract_code(text, entry_point=preference.entry_point)
    reason = check_program(text, preference.entry_point)
    return Extraction(None, reason) if reason else Extraction(text)


def _words(answer: str, program: str) -> str:
    """The answer, if there is more to it than its program in a fence, as a program is read anyway (`code_reward.bare_programs`)."""
    bare = re.sub(r"\A\s*```(?:python|py)?[ \t]*\n|\n```\s*\Z", "", answer)
    return "" if bare.strip() == program.strip() else answer


def _columns(path: Path, number: int, row: object) -> set[str]:
    if not isinstance(row, dict):
        raise DataError(f"{path}, row {number}: a {type(row).__name__}, not an object; give the published file.")
    return set(row)

"""Labelled programs as a language model reads them: the reward model's own input, then the question whether the program is right.

One row of tokens therefore gives everything that is compared: what the model holds of the program (its mean over the program's tokens, its
state at the token that is scored), how likely it finds the program, and its state where it is about to say Yes or No. What inputs of a
problem begin with alike is stored once (`rm_train.layout`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from code_reward.errors import ConfigurationError
from code_reward.reward_data import LabelledProgram
from code_reward.rm_input import PRESETS, RMInput
from code_reward.verdict import Rejected
from rm_train.layout import Ints, Row, in_order, lay, shared_prefix

QUESTION = "Is this program correct in every case? Answer Yes or No."
WORDS = ("Yes", "No")


@dataclass(frozen=True)
class Reading:
    """One program's tokens: `ids` with the question, where the program begins and ends, and where its problem's candidates part."""

    ids: Ints
    start: int
    own: int
    """The first token that not all candidates of the problem share; at least one token before `end`."""
    end: int
    """The place of the token that a reward model would be scored at, which ends the program's turn."""


class Reader:
    """Makes readings with the tokenizer of a model's folder.

    Raises `ConfigurationError` where a conversation cannot go on after an answer.
    """

    def __init__(self, folder: Path) -> None:
        self._input = RMInput.load(folder, PRESETS.get("default"))
        self._question, self.words = _second_turn(folder)

    def read(self, programs: Sequence[LabelledProgram]) -> list[Reading | None]:
        """The readings of distinct programs of one problem, None for one that does not fit."""
        statement = programs[0].statement
        start = shared_prefix(self._ids(statement, "a"), self._ids(statement, "1"))
        encoded = [self._input.encode(statement, one.program) for one in programs]
        found = [None if isinstance(one, Rejected) or one.cut else np.array(one.ids, np.int32) for one in encoded]
        fitting = [ids for ids in found if ids is not None]
        common = min((shared_prefix(fitting[0], ids) for ids in fitting), default=0)
        return [
            None
            if ids is None
            else Reading(np.concatenate([ids, self._question]), start, min(max(common, start), len(ids) - 2), len(ids) - 1)
            for ids in found
        ]

    def _ids(self, statement: str, program: str) -> Ints:
        encoded = self._input.encode(statement, program)
        return np.empty(0, np.int32) if isinstance(encoded, Rejected) else np.array(encoded.ids, np.int32)


def _second_turn(folder: Path) -> tuple[Ints, list[int]]:
    """The tokens between an answer's end and the word that replies to the question, and those of the words."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    first = tokenizer.apply_chat_template(turns, tokenize=False).rstrip()
    both = tokenizer.apply_chat_template([*turns, {"role": "user", "content": QUESTION}], tokenize=False, add_generation_prompt=True)
    if not both.startswith(first):
        raise ConfigurationError(f"The chat template of {folder} rewrites an answer when a turn follows; give another model.")
    words = [tokenizer.encode(word, add_special_tokens=False)[0] for word in WORDS]
    return np.array(tokenizer.encode(both[len(first) :], add_special_tokens=False), np.int32), words


def rows_of(readings: Sequence[Reading], tokens: int) -> Iterator[tuple[list[int], Row]]:
    """Rows of about so many tokens, each with the places (in `readings`) of its inputs; neighbours share most."""
    order = in_order([reading.ids for reading in readings])
    chosen: list[int] = []
    size = 0
    for place in order:
        ids = readings[place].ids
        more = len(ids) - (shared_prefix(readings[chosen[-1]].ids, ids) if chosen else 0)
        if chosen and size + more > tokens:
            yield chosen, lay([readings[one].ids for one in chosen])
            chosen, size, more = [], 0, len(ids)
        chosen.append(place)
        size += more
    if chosen:
        yield chosen, lay([readings[one].ids for one in chosen])


def path_of(row: Row, end: int) -> npt.NDArray[np.int64]:
    """The places in a row of the tokens of the input that ends at `end`, in order."""
    places = np.arange(end + 1)
    return places[(row.until[: end + 1] > end)]

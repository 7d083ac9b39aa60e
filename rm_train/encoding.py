"""Examples as token ids: encoded once, by all cores, kept on disk and mapped into memory.

Of each problem every distinct input is there once, in the order of a dictionary, with the number of leading tokens that it shares with the
one before: this is all that planning a row has to know. The arrays are plain `.npy` files in a folder that is named by what they depend on
(the data's contents, tokenizer, input settings), so that a second start, and the other processes of a machine, read no row. No torch here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from code_reward.errors import DataError
from code_reward.files import digest, replacing_folder
from code_reward.pools import Pool
from code_reward.rm_input import RMInput, RMInputSettings
from code_reward.verdict import Rejected
from rm_train.examples import Example, Kind
from rm_train.layout import Ints, in_order, shared_prefix
from rm_train.places import writing

LEAST_REFERENCES: Final = 2
"""Fewer prove nothing about a server."""

REFERENCES: Final = 64
"""Examples whose texts are kept, for the reference scores of the export."""

_ALONE: Final = 4000
"""Examples below which starting other processes costs more than they save."""

_ARRAYS: Final = ("ids", "offsets", "shared", "examples", "problems", "weights", "targets", "rows")


@dataclass(frozen=True)
class Encoded:
    """Examples of one kind, problem by problem.

    `ids` (tokens,) holds the inputs one after another, input i from `offsets[i]` to `offsets[i + 1]`; `shared` (inputs,) the tokens that an
    input shares with the one before it, 0 at the first of a problem; `examples` (examples, width) numbers of inputs; `problems`
    (problems + 1,) where each problem's examples begin; `weights`, `targets` and `rows` (examples,), the last one the place in the file.
    """

    ids: Ints
    offsets: npt.NDArray[np.int64]
    shared: Ints
    examples: Ints
    problems: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    targets: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    left_out: int
    """Examples of which an input does not fit the model."""
    references: list[tuple[str, str]]
    """(statement, text) of the first examples that fit, as `RMInput.encode` takes them."""

    def input(self, number: int) -> Ints:
        """The token ids of an input."""
        return self.ids[self.offsets[number] : self.offsets[number + 1]]


def encode(examples: Sequence[Example], rm_input: RMInput, folder: Path | None = None) -> Encoded:
    """Encode in memory; more than a few thousand examples on all cores, if `folder` says where other processes can read `rm_input`."""
    of_problem: dict[str, list[tuple[int, Example]]] = {}
    for row, example in enumerate(examples):
        of_problem.setdefault(example.problem_id, []).append((row, example))
    groups = list(of_problem.values())
    processes = os.cpu_count() or 1
    if folder is not None and processes > 1 and len(examples) > _ALONE:
        with Pool(processes, _begin, (folder, rm_input.settings)) as pool:
            encoded = list(pool.map(_encode_here, groups, chunksize=max(1, len(groups) // (processes * 16))))
    else:
        encoded = [_encode_problem(group, rm_input) for group in groups]
    return _join(encoded, examples)


def encode_once(path: Path, kind: Kind, rm_input: RMInput, init: Path, cache: Path) -> Encoded:
    """The examples of a file, from `cache` if they were encoded before; raises `DataError` if none fits the model's input."""
    folder = cache / f"encoded-{_key(path, kind, rm_input, init)}"
    if not folder.is_dir():
        examples = kind.read(path, rm_input.settings)
        encoded = encode(examples, rm_input, init)
        if not len(encoded.examples):
            raise DataError(f"None of the {len(examples)} {kind.name} of {path} fits the model's input; use a preset with more tokens.")
        if len(encoded.references) < LEAST_REFERENCES:
            raise DataError(f"Of {path} one of {len(examples)} {kind.name} fits the model's input, too little to learn from; give more.")
        with writing(folder):
            _save(encoded, folder)
    return _load(folder)


_rm_input: RMInput


def _begin(folder: Path, settings: RMInputSettings) -> None:
    global _rm_input
    _rm_input = RMInput.load(folder, settings)


def _encode_here(group: list[tuple[int, Example]]) -> _Problem:
    return _encode_problem(group, _rm_input)


@dataclass(frozen=True)
class _Problem:
    inputs: list[Ints]
    shared: list[int]
    examples: list[tuple[tuple[int, ...], float, float, int]]
    left_out: int


def _encode_problem(group: Sequence[tuple[int, Example]], rm_input: RMInput) -> _Problem:
    ids: dict[str, Ints | None] = {}
    for _, example in group:
        for text in example.texts:
            if text not in ids:
                encoded = rm_input.encode(example.statement, text)
                ids[text] = None if isinstance(encoded, Rejected) else np.array(encoded.ids, np.int32)
    texts = [text for text, found in ids.items() if found is not None]
    found = [one for one in ids.values() if one is not None]
    order = in_order(found)
    number = {texts[index]: place for place, index in enumerate(order)}
    fitting = [(row, example) for row, example in group if all(text in number for text in example.texts)]
    inputs = [found[index] for index in order]
    shared = [0, *(shared_prefix(first, second) for first, second in pairwise(inputs))]
    examples = [(tuple(number[text] for text in one.texts), one.weight, one.target, row) for row, one in fitting]
    return _Problem(inputs, shared, examples, len(group) - len(fitting))


def _join(problems: Sequence[_Problem], examples: Sequence[Example]) -> Encoded:
    with_examples = [problem for problem in problems if problem.examples]
    inputs = [ids for problem in with_examples for ids in problem.inputs]
    first = np.cumsum([0, *(len(problem.inputs) for problem in with_examples)])
    rows = [(start, *row) for start, problem in zip(first, with_examples, strict=False) for row in problem.examples]
    width = len(examples[0].texts) if examples else 1
    return Encoded(
        ids=np.concatenate(inputs) if inputs else np.empty(0, np.int32),
        offsets=np.cumsum([0, *map(len, inputs)]).astype(np.int64),
        shared=np.array([value for problem in with_examples for value in problem.shared[: len(problem.inputs)]], np.int32),
        examples=np.array([[start + one for one in numbers] for start, numbers, *_ in rows], np.int32).reshape(-1, width),
        problems=np.cumsum([0, *(len(problem.examples) for problem in with_examples)]).astype(np.int64),
        weights=np.array([weight for _, _, weight, _, _ in rows], np.float64),
        targets=np.array([target for _, _, _, target, _ in rows], np.float64),
        rows=np.array([row for *_, row in rows], np.int64),
        left_out=sum(problem.left_out for problem in problems),
        references=list(_references([examples[row] for row in sorted(row for *_, row in rows)[:REFERENCES]])),
    )


def _references(examples: Sequence[Example]) -> Iterator[tuple[str, str]]:
    for example in examples:
        yield from ((example.statement, text) for text in example.texts)


def _key(path: Path, kind: Kind, rm_input: RMInput, init: Path) -> str:
    names = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
    tokenizer = [digest(init / name) for name in names if (init / name).exists()]
    parts = ["2", kind.name, digest(path), rm_input.settings.model_dump_json(), *tokenizer]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _save(encoded: Encoded, folder: Path) -> None:
    with replacing_folder(folder) as temporary:
        for name in _ARRAYS:
            np.save(temporary / f"{name}.npy", getattr(encoded, name))
        said = {"left_out": encoded.left_out, "references": encoded.references}
        (temporary / "encoded.json").write_text(json.dumps(said), encoding="utf-8")


def _load(folder: Path) -> Encoded:
    arrays: dict[str, Any] = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
    said = json.loads((folder / "encoded.json").read_text(encoding="utf-8"))
    return Encoded(**arrays, left_out=said["left_out"], references=[(statement, text) for statement, text in said["references"]])

"""Examples as arrays: every distinct input of a problem once, what does not fit counted, and read again without the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_policy import pair, right, statement, wrong

import rm_train.encoding
from code_reward.errors import DataError
from code_reward.reward_data import Pair, Prefix
from code_reward.rm_input import Encoded, RMInput, RMInputSettings
from code_reward.rows import write_rows
from rm_train.encoding import encode, encode_once
from rm_train.examples import PAIRS, PREFIXES


@pytest.fixture(scope="module")
def rm_input(policy_dir: Path) -> RMInput:
    return RMInput.load(policy_dir, RMInputSettings(max_tokens=96))


def ids(rm_input: RMInput, i: int, program: str) -> list[int]:
    encoded = rm_input.encode(statement(i), program)
    assert isinstance(encoded, Encoded)
    return encoded.ids


def encode_pairs(pairs: list[Pair], rm_input: RMInput, folder: Path | None = None) -> rm_train.encoding.Encoded:
    return encode(PAIRS.convert_all(pairs, rm_input.settings, "pairs"), rm_input, folder)


def test_each_distinct_input_of_a_problem_is_there_once(rm_input: RMInput) -> None:
    again = right(1).replace("n +", "n  +")
    pairs = [pair(1), pair(1, chosen=again), pair(2), pair(1, rejected=wrong(2), weight=0.5, margin=1.5)]
    data = encode_pairs(pairs, rm_input)
    assert data.problems.tolist() == [0, 3, 4]
    assert len(data.offsets) - 1 == 4 + 2
    sides = [[data.input(number).tolist() for number in example] for example in data.examples.tolist()]
    texts = [(1, right(1), wrong(1)), (1, again, wrong(1)), (1, right(1), wrong(2)), (2, right(2), wrong(2))]
    assert sides == [[ids(rm_input, i, a), ids(rm_input, i, b)] for i, a, b in texts]
    assert (data.weights.tolist(), data.targets.tolist()) == ([1.0, 1.0, 0.5, 1.0], [0.0, 0.0, 1.5, 0.0])
    assert data.rows.tolist() == [0, 1, 3, 2]
    for number in range(len(data.offsets) - 1):
        if number not in (0, 4):
            before, own = data.input(number - 1), data.input(number)
            shared = int(data.shared[number])
            assert before[:shared].tolist() == own[:shared].tolist()
            assert len(before) == shared or before[shared] < own[shared], "in the order of a dictionary"


def test_what_does_not_fit_is_left_out_and_counted(rm_input: RMInput) -> None:
    long = right(1) + "\n" + "    # so long\n" * 100
    data = encode_pairs([pair(1), pair(1, rejected=long), pair(2, chosen=long), pair(3)], rm_input)
    assert data.left_out == 2
    assert data.rows.tolist() == [0, 3], "the problem whose only pair does not fit is gone"
    assert data.problems.tolist() == [0, 1, 2]


def test_prefixes_are_examples_of_one_input_weighed_by_the_judge_s_agreement(rm_input: RMInput) -> None:
    row = {"problem_id": "p1", "statement": statement(1), "complete": True, "visits": 1}
    rows = [Prefix.model_validate({**row, "program": right(1), "value": 0.75, "agreement": 0.5})]
    data = encode(PREFIXES.convert_all(rows, rm_input.settings, "prefixes"), rm_input)
    assert (data.examples.shape, data.weights.tolist(), data.targets.tolist()) == ((1, 1), [0.5], [0.75])


def test_a_row_without_a_program_is_named(rm_input: RMInput) -> None:
    with pytest.raises(DataError, match=r"pairs, row 2: a program is empty; give the program or remove the row"):
        encode_pairs([pair(1), pair(1, rejected="\n")], rm_input)


def test_many_processes_encode_as_one_does(policy_dir: Path, rm_input: RMInput, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [pair(i) for i in range(1, 9)]
    alone = encode_pairs(pairs, rm_input)
    monkeypatch.setattr(rm_train.encoding, "_ALONE", 1)
    together = encode_pairs(pairs, rm_input, policy_dir)
    for name in rm_train.encoding._ARRAYS:
        assert np.array_equal(getattr(together, name), getattr(alone, name)), name


def test_a_second_start_reads_no_row(policy_dir: Path, rm_input: RMInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pairs.jsonl"
    write_rows(path, [pair(1), pair(2)])
    first = encode_once(path, PAIRS, rm_input, policy_dir, tmp_path / "cache")
    with monkeypatch.context() as patched:
        patched.setattr("rm_train.examples.read_rows", None)
        second = encode_once(path, PAIRS, rm_input, policy_dir, tmp_path / "cache")
    assert isinstance(second.ids, np.memmap), "mapped, not read"
    assert second.ids.tolist() == first.ids.tolist()
    assert second.references == [(statement(i), side) for i in (1, 2) for side in (right(i), wrong(i))]
    write_rows(path, [pair(3)])
    assert len(encode_once(path, PAIRS, rm_input, policy_dir, tmp_path / "cache").examples) == 1, "other contents are encoded anew"
    other = RMInput.load(policy_dir, RMInputSettings(max_tokens=64))
    assert len(encode_once(path, PAIRS, other, policy_dir, tmp_path / "cache").examples) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 3, "and so is what is read with another input"

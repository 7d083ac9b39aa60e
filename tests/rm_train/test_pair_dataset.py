from pathlib import Path

import pytest
from tiny_policy import pair, right, statement, wrong

from code_reward.rm_input import Encoded, RMInput, RMInputSettings
from rm_train.dataset import PairDataset, collate


@pytest.fixture(scope="module")
def rm_input(policy_dir: Path) -> RMInput:
    return RMInput.load(policy_dir, RMInputSettings(max_tokens=96))


def ids(rm_input: RMInput, i: int, program: str) -> list[int]:
    encoded = rm_input.encode(statement(i), program)
    assert isinstance(encoded, Encoded)
    return encoded.ids


def test_each_distinct_input_of_a_problem_is_there_once(rm_input: RMInput) -> None:
    again = right(1).replace("n +", "n  +")
    pairs = [pair(1), pair(1, chosen=again), pair(1, rejected=wrong(2), weight=0.5, margin=1.5), pair(2)]
    data = PairDataset(pairs, rm_input)
    assert len(data) == 2
    assert data[0].inputs == [ids(rm_input, 1, program) for program in (right(1), wrong(1), again, wrong(2))]
    assert data[0].pairs == [(0, 1), (2, 1), (0, 3)]
    assert (data[0].weights, data[0].margins) == ([1.0, 1.0, 0.5], [0.0, 0.0, 1.5])
    assert data[1].inputs == [ids(rm_input, 2, right(2)), ids(rm_input, 2, wrong(2))]


def test_pairs_that_do_not_fit_are_left_out_and_counted(rm_input: RMInput) -> None:
    long = right(1) + "\n" + "    # so long\n" * 100
    data = PairDataset([pair(1), pair(1, rejected=long), pair(2, chosen=long), pair(3)], rm_input)
    assert data.left_out == 2
    assert [item.pairs for item in data] == [[(0, 1)], [(0, 1)]], "the problem whose only pair does not fit is gone"


def test_a_batch_points_at_the_inputs_of_its_own_problems(rm_input: RMInput) -> None:
    data = PairDataset([pair(1), pair(1, rejected=wrong(7)), pair(2, weight=3.0, margin=0.25)], rm_input)
    batch = collate([data[1], data[0]], pad_id=0)
    inputs = [*data[1].inputs, *data[0].inputs]
    assert len(batch["ends"]) == len(inputs)
    named = [(inputs[chosen], inputs[rejected]) for chosen, rejected in batch["pairs"].tolist()]
    texts = [(2, right(2), wrong(2)), (1, right(1), wrong(1)), (1, right(1), wrong(7))]
    assert named == [(ids(rm_input, i, chosen), ids(rm_input, i, rejected)) for i, chosen, rejected in texts]
    assert batch["weight"].tolist() == [3.0, 1.0, 1.0]
    assert batch["margin"].tolist() == [0.25, 0.0, 0.0]

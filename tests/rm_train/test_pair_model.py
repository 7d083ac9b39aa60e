import math
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_policy import pair, wrong
from transformers import PreTrainedModel

from code_reward.errors import ConfigurationError
from code_reward.rm_input import PRESETS, RMInput
from rm_train.dataset import PairDataset, collate
from rm_train.layout import lay_problems
from rm_train.model import PairModel, load_backbone, score_inputs

SEQUENCES = [[3, 40, 50, 60, 70], [9, 8], [11, 12, 13, 14, 15, 16, 17, 0], [21]]


@pytest.fixture(scope="module")
def classifier(policy_dir: Path) -> PreTrainedModel:
    return load_backbone(policy_dir, seed=0).eval()


@torch.no_grad()
def score(classifier: PreTrainedModel, problems: list[list[list[int]]], pad_id: int = 0) -> list[float]:
    return score_inputs(classifier, **lay_problems(problems, pad_id)).tolist()


@torch.no_grad()
def score_alone(classifier: PreTrainedModel, sequence: list[int]) -> float:
    """By transformers' base model and head alone: no padding, no search for a last token."""
    hidden = classifier.base_model(torch.tensor([sequence])).last_hidden_state
    return float(classifier.score(hidden)[0, -1, 0])


def test_padding_changes_no_score(classifier: PreTrainedModel) -> None:
    alone = [score_alone(classifier, sequence) for sequence in SEQUENCES]
    assert len(set(alone)) == len(alone)
    for pad_id in (0, 1, 99):
        assert score(classifier, [[sequence] for sequence in SEQUENCES], pad_id) == pytest.approx(alone, abs=1e-5)
        assert score(classifier, [SEQUENCES[::-1]], pad_id) == pytest.approx(alone[::-1], abs=1e-5)


def test_a_last_token_that_equals_the_pad_token_is_scored(classifier: PreTrainedModel) -> None:
    pad_id = classifier.config.pad_token_id
    sequences = [[5, 6, pad_id], [5, 6], [5, 6, pad_id, pad_id], [7, 8, 9, 10, 11]]
    expected = [score_alone(classifier, sequence) for sequence in sequences]
    assert len(set(expected)) == len(expected)
    assert score(classifier, [[sequence] for sequence in sequences], pad_id) == pytest.approx(expected, abs=1e-5)


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from([0, 9, 17, 40]), st.integers(1, 30)), min_size=1, max_size=6), min_size=1, max_size=3))
def test_inputs_that_share_a_row_are_scored_as_if_alone(classifier: PreTrainedModel, problems: list[list[tuple[int, int]]]) -> None:
    drawn = random.Random(str(problems))
    statement = [drawn.randrange(3, 200) for _ in range(40)]
    inputs = [[[*statement[:shared], *(drawn.randrange(3, 200) for _ in range(own))] for shared, own in problem] for problem in problems]
    alone = [score_alone(classifier, ids) for problem in inputs for ids in problem]
    assert score(classifier, inputs) == pytest.approx(alone, abs=1e-5)


def test_a_statement_is_read_once_for_its_programs_and_long_inputs_lie_alone() -> None:
    statement = list(range(3, 103))
    programs = [[*statement, i, i + 1, i + 2] for i in range(200, 210)]
    together = lay_problems([programs], pad_id=0)
    assert together["input_ids"].shape == (1, 100 + 10 * 3)
    assert together["position_ids"].max() == 102
    # One long input among them: the square of its length is not worth a mask.
    apart = lay_problems([[*programs, list(range(3, 5003))]], pad_id=0)
    assert "attention_mask" not in apart
    assert apart["input_ids"].shape == (11, 5000)


def test_the_loss_of_a_batch_is_the_hand_computation_and_no_input_is_scored_twice(classifier: PreTrainedModel, policy_dir: Path) -> None:
    pairs = [pair(1, weight=2.0), pair(1, rejected=wrong(3), margin=0.5), pair(2, weight=0.25), pair(2, rejected=wrong(5))]
    data = PairDataset(pairs, RMInput.load(policy_dir, PRESETS.get("default")))
    alone = [[score_alone(classifier, ids) for ids in problem.inputs] for problem in data]
    expected = weights = 0.0
    for problem, scores in zip(data, alone, strict=True):
        for (chosen, rejected), weight, margin in zip(problem.pairs, problem.weights, problem.margins, strict=True):
            expected += weight * math.log1p(math.exp(-(scores[chosen] - scores[rejected] - margin)))
            weights += weight
    with torch.no_grad():
        result = PairModel(classifier)(**collate(list(data), pad_id=0))
    assert float(result["loss"]) == pytest.approx(expected / weights, abs=1e-5)
    assert result["scores"].shape == (6,), "two problems of three distinct inputs each"


def test_the_head_is_drawn_with_the_seed(policy_dir: Path) -> None:
    first, again, other = (load_backbone(policy_dir, seed=seed).score.weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_extra_layers_change_nothing_until_they_are_trained(policy_dir: Path) -> None:
    plain, deep = (load_backbone(policy_dir, seed=0, extra_layers=extra).eval() for extra in (0, 2))
    assert deep.config.num_hidden_layers == len(deep.base_model.layers) == plain.config.num_hidden_layers + 2
    ids = torch.randint(3, plain.config.vocab_size, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs = [model.base_model(input_ids=ids).last_hidden_state for model in (plain, deep)]
    assert torch.allclose(*outputs, atol=1e-6)
    before = [parameter.detach().clone() for parameter in deep.base_model.layers[-1].parameters()]
    optimizer = torch.optim.AdamW(deep.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        score_inputs(deep, torch.tensor([[0, 8], [1, 8]]), input_ids=ids).sum().backward()
        optimizer.step()
    moved = zip(before, deep.base_model.layers[-1].parameters(), strict=True)
    assert all(not torch.equal(old, new) for old, new in moved if new.ndim == 2)


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(ConfigurationError, match="give the folder of a language model") as caught:
            load_backbone(folder, seed=0)
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value)

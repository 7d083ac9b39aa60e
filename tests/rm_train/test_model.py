"""Rows that inputs share give the scores and gradients of each input alone; kernels agree; the head computes as the server's."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from code_reward.errors import ConfigurationError
from rm_train.layout import lay, pad
from rm_train.losses import bradley_terry
from rm_train.masks import FLEX, GATHERED, SDPA
from rm_train.model import RewardModel, load_backbone
from rm_train.precision import freeze, settle

SEQUENCES = [[3, 40, 50, 60, 70], [9, 8], [11, 12, 13, 14, 15, 16, 17, 0], [21]]


@pytest.fixture(scope="module")
def classifier(policy_dir: Path) -> PreTrainedModel:
    return load_backbone(policy_dir, seed=0, extra_layers=1).eval()


def tensors(inputs: list[list[int]], pad_to: int = 0, pad_id: int = 0) -> dict[str, torch.Tensor]:
    row = lay([np.array(ids, np.int32) for ids in inputs])
    row = pad(row, max(pad_to, len(row.ids)), pad_id)
    named = {"input_ids": row.ids[None], "position_ids": row.positions[None], "until": row.until, "ends": row.ends}
    return {name: torch.from_numpy(value.astype(np.int64)) for name, value in named.items()}


def score_alone(classifier: PreTrainedModel, sequence: list[int]) -> torch.Tensor:
    """By transformers' base model and head alone: no padding, no search for a last token."""
    hidden = classifier.base_model(torch.tensor([sequence])).last_hidden_state
    return classifier.score(hidden)[0, -1, 0]


@torch.no_grad()
def test_padding_and_neighbours_change_no_score_and_a_last_token_may_be_the_pad_token(classifier: PreTrainedModel) -> None:
    alone = [float(score_alone(classifier, sequence)) for sequence in SEQUENCES]
    assert len(set(alone)) == len(alone)
    for length, pad_id in ((0, 0), (40, 0), (40, 17)):
        assert RewardModel(classifier)(**tensors(SEQUENCES, length, pad_id)).tolist() == pytest.approx(alone, abs=1e-5)


def drawn(problem: list[tuple[int, int]], seed: str) -> list[list[int]]:
    """Inputs of which each begins with a part of one statement."""
    source = random.Random(seed)
    statement = [source.randrange(3, 200) for _ in range(40)]
    return [[*statement[:shared], *(source.randrange(3, 200) for _ in range(own))] for shared, own in problem]


class ExactNorm(torch.nn.RMSNorm):
    """In the precision of its input; transformers' rounds to float32 inside."""

    @classmethod
    def replace_all(cls, module: torch.nn.Module) -> None:
        for name, child in module.named_children():
            if type(child).__name__.endswith("RMSNorm"):
                exact = cls(child.weight.shape, eps=child.variance_epsilon, dtype=torch.float64)
                exact.weight = child.weight
                setattr(module, name, exact)
            else:
                cls.replace_all(child)


@settings(deadline=None, max_examples=8)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 9, 17, 40]), st.integers(1, 30)), min_size=2, max_size=8))
def test_loss_and_gradient_of_a_shared_row_are_those_of_each_input_alone(policy_dir: Path, problem: list[tuple[int, int]]) -> None:
    inputs = drawn(problem, str(problem))
    exact, judge = (load_backbone(policy_dir, seed=0, attention=attention).double() for attention in (GATHERED, SDPA))
    for model in (exact, judge):
        ExactNorm.replace_all(model)
    pairs = torch.tensor([(number, (number + 1) % len(inputs)) for number in range(len(inputs))])

    def gradients(scores: torch.Tensor, model: PreTrainedModel) -> tuple[torch.Tensor, list[torch.Tensor]]:
        loss = bradley_terry(scores[pairs], torch.full((len(pairs),), 0.25, dtype=torch.float64)).sum()
        return loss, list(torch.autograd.grad(loss, list(model.parameters())))

    loss, found = gradients(RewardModel(exact)(**tensors(inputs, 300)), exact)
    judged, expected = gradients(torch.stack([score_alone(judge, ids) for ids in inputs]), judge)
    assert float(loss.detach()) == pytest.approx(float(judged.detach()), abs=1e-10)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@torch.no_grad()
def test_flex_attention_agrees_with_sdpa(policy_dir: Path) -> None:
    inputs = drawn([(40, 30), (17, 9), (0, 30), (40, 1)], "flex")
    dense, blocks = (RewardModel(load_backbone(policy_dir, seed=0, attention=name).eval()) for name in ("sdpa", FLEX))
    row = tensors(inputs, 128)
    torch.testing.assert_close(blocks(**row), dense(**row), rtol=0, atol=1e-5)


def test_gathered_attention_agrees_with_sdpa_where_branches_cross_blocks(policy_dir: Path) -> None:
    inputs = drawn([(40, 290), (40, 200), (17, 280), (0, 30), (40, 1), (39, 250)], "gathered")
    found = []
    for name in (SDPA, GATHERED):
        model = RewardModel(load_backbone(policy_dir, seed=0, attention=name).double())
        ExactNorm.replace_all(model)
        scores = model(**tensors(inputs, 1300))
        found.append([scores.detach(), *torch.autograd.grad(scores.square().sum(), list(model.parameters()))])
    for dense, gathered in zip(*found, strict=True):
        torch.testing.assert_close(gathered, dense, rtol=0, atol=1e-10)


def test_the_head_is_float32_under_autocast(classifier: PreTrainedModel) -> None:
    body = {}
    handle = classifier.base_model.register_forward_hook(lambda *arguments: body.update(hidden=arguments[2].last_hidden_state))
    row = tensors(SEQUENCES)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        scores = RewardModel(classifier)(**row)
    handle.remove()
    assert scores.dtype == torch.float32
    assert scores.tolist() == (body["hidden"][0, row["ends"]].float() @ classifier.score.weight[0]).tolist()


def test_recomputing_layers_changes_no_gradient(policy_dir: Path) -> None:
    found = []
    for recompute in (False, True):
        model = RewardModel(load_backbone(policy_dir, seed=0)).train()
        if recompute:
            model.classifier.gradient_checkpointing_enable({"use_reentrant": False})
        model(**tensors(SEQUENCES)).sum().backward()
        found.append([parameter.grad for parameter in model.parameters()])
    for plain, again in zip(*found, strict=True):
        torch.testing.assert_close(again, plain)


@pytest.mark.parametrize(("what", "learning"), [("nothing", {"embed", "layers", "norm", "score"}), ("body", {"score"})])
def test_what_is_frozen_does_not_learn_and_what_learns_is_float32(policy_dir: Path, what: str, learning: set[str]) -> None:
    classifier = load_backbone(policy_dir, seed=0)
    freeze(classifier, what)  # type: ignore[arg-type]
    settle(classifier, torch.bfloat16)
    left = {name for name, parameter in classifier.named_parameters() if parameter.requires_grad}
    assert {part for part in ("embed", "layers", "norm", "score") if any(part in name for name in left)} == learning
    for name, parameter in classifier.named_parameters():
        assert parameter.dtype == (torch.float32 if name in left else torch.bfloat16)


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
        RewardModel(deep)(**tensors(SEQUENCES)).sum().backward()
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

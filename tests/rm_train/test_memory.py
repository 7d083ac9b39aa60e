"""The estimate of memory: counts against the models' own, the formula against what autograd keeps."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForSequenceClassification, Glm4Config, Qwen2Config, Qwen3Config

from code_reward.errors import ConfigurationError
from rm_train.memory import CONTEXT, Estimate, estimate, shape_of, shape_of_config, table

SIZES = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 300,
    "head_dim": 64,
}
FAMILIES = [Qwen2Config, Qwen3Config, Glm4Config]


def config(family, layers=2):
    return family(**SIZES, num_hidden_layers=layers, num_labels=1, pad_token_id=0)


def test_the_published_sizes_are_counted_without_weights():
    # The language model has 7,615,616,512 parameters, of which its head 544,997,376; ours is one row of the width instead.
    published = {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    }
    shape = shape_of_config(Qwen2Config(**published, vocab_size=152064, tie_word_embeddings=False, num_labels=1))
    assert shape.parameters == 7_615_616_512 - 544_997_376 + 3584


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_layer_keeps_is_within_a_quarter_of_the_formula(family):
    tokens = 256
    kept = [kept_by_autograd(AutoModelForSequenceClassification.from_config(config(family, layers)), tokens) for layers in (1, 3)]
    guessed = [
        estimate(shape_of_config(config(family, layers)), gpus=1, shard=False, row_tokens=tokens, recompute=False, number=4)
        for layers in (1, 3)
    ]
    assert (kept[1] - kept[0]) == pytest.approx(guessed[1].activations - guessed[0].activations, rel=0.25)


def kept_by_autograd(model, tokens):
    """Bytes of distinct tensors that the backward pass will read, weights apart."""
    weights = {one.untyped_storage().data_ptr() for one in (*model.parameters(), *model.buffers())}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        held = model.base_model(input_ids=torch.randint(3, 300, (1, tokens)), use_cache=False).last_hidden_state
    assert held.requires_grad
    return sum(kept.values())


def test_sharding_divides_the_states_and_recomputing_keeps_less():
    shape = shape_of_config(config(Qwen3Config, 8))
    whole = estimate(shape, gpus=8, shard=False, row_tokens=1024)
    parted = estimate(shape, gpus=8, shard=True, row_tokens=1024)
    assert whole.states == 16 * shape.parameters == 8 * parted.states
    assert estimate(shape, gpus=8, shard=True, row_tokens=1024, recompute=False).activations > parted.activations
    assert parted.total == parted.states + parted.gathered + parted.activations + CONTEXT


def test_frozen_weights_have_neither_gradients_nor_moments():
    shape = shape_of_config(config(Qwen2Config))
    assert estimate(shape, gpus=1, shard=False, row_tokens=1, frozen=shape.parameters).states == 2 * shape.parameters


def test_the_table_says_that_it_is_an_estimate():
    shown = table({"7B": Estimate(2**30, 2**29, 0.0)})
    assert "an estimate" in shown
    assert "| 7B | 1.0 | 0.5 | 0.0 | 2.0 | 3.5 |" in shown


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="describes no model"):
        shape_of(tmp_path)

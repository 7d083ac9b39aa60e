"""The scorer: one input's score is its own, whatever it is batched with."""

import random

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from code_reward.errors import ConfigurationError, DataError, RewardServerError
from reward_servers import packing
from reward_servers.packing import chunks, lay_out, shared_prefix
from reward_servers.scorer import Scorer

VOCABULARY = 128
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "num_labels": 1,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 1,
}


def save_model(folder, architecture, **options):
    torch.manual_seed(0)
    config = getattr(transformers, f"{architecture}Config")(**SMALL | options)
    model = getattr(transformers, f"{architecture}ForSequenceClassification")(config).eval()
    with torch.no_grad():
        model.score.weight.mul_(20)
    model.save_pretrained(folder)
    return model


def one_by_one(model, batch):
    """Each input alone, unpadded, through transformers' own attention; the head at the last token."""
    with torch.inference_mode():
        hidden = [model.base_model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1] for ids in batch]
        return [model.score(state).item() for state in hidden]


def an_awkward_batch():
    """Shared prefixes on several levels, duplicates, prefixes of each other, single tokens, inputs that end in the pad token."""
    rng = random.Random(0)
    draw = lambda count: [rng.randrange(VOCABULARY) for _ in range(count)]  # noqa: E731
    statement, head = draw(40), draw(30)
    programs = [statement + draw(rng.randrange(1, 60)) for _ in range(6)] + [
        statement + head + draw(rng.randrange(1, 60)) for _ in range(6)
    ]
    return [*programs, programs[0], statement, statement[:25], [*statement, 0, 0], [*statement, 0], [0], [5], draw(200)]


@pytest.fixture(scope="module")
def model_and_scorer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scorer")
    return save_model(folder, "Qwen3", head_dim=8), Scorer(folder)


@pytest.mark.parametrize(("architecture", "options"), [("Qwen2", {}), ("Qwen3", {"head_dim": 8}), ("Llama", {}), ("Glm4", {"head_dim": 8})])
def test_scores_are_those_of_transformers_one_by_one(tmp_path, architecture, options):
    model = save_model(tmp_path, architecture, **options)
    batch = an_awkward_batch()
    assert Scorer(tmp_path).score(batch) == pytest.approx(one_by_one(model, batch), abs=1e-4)


def test_scores_do_not_depend_on_order_or_company(model_and_scorer):
    _, scorer = model_and_scorer
    batch = an_awkward_batch()
    together = scorer.score(batch)
    assert max(together) - min(together) > 0.1
    order = list(range(len(batch)))
    random.Random(1).shuffle(order)
    shuffled = scorer.score([batch[i] for i in order])
    assert [shuffled[order.index(i)] for i in range(len(batch))] == pytest.approx(together, abs=1e-4)
    assert [scorer.score([ids])[0] for ids in batch] == pytest.approx(together, abs=1e-4)


@pytest.mark.parametrize("tokens", [1, 64, 300])
def test_rows_of_every_size_give_the_same_scores(model_and_scorer, monkeypatch, tokens):
    _, scorer = model_and_scorer
    batch = an_awkward_batch()
    together = scorer.score(batch)
    monkeypatch.setattr(scorer, "_row_tokens", tokens)
    assert scorer.score(batch) == pytest.approx(together, abs=1e-4)


def test_an_empty_batch_has_no_scores(model_and_scorer):
    assert model_and_scorer[1].score([]) == []


@pytest.mark.parametrize("ids", [[], [-1], [VOCABULARY], [1] * 257])
def test_ids_that_the_model_cannot_take_are_an_error_that_names_the_item(model_and_scorer, ids):
    with pytest.raises(DataError, match="Item 1 "):
        model_and_scorer[1].score([[1, 2], ids])


def test_bfloat16_is_close(tmp_path, model_and_scorer):
    model, _ = model_and_scorer
    model.save_pretrained(tmp_path)
    batch = an_awkward_batch()
    assert Scorer(tmp_path, "bfloat16").score(batch) == pytest.approx(one_by_one(model, batch), abs=0.1)


def edit(folder, **tensors):
    path = folder / "model.safetensors"
    save_file(load_file(path) | tensors, path, metadata={"format": "pt"})


def test_a_zero_bias_changes_nothing_and_another_is_refused(tmp_path, model_and_scorer):
    model, scorer = model_and_scorer
    model.save_pretrained(tmp_path)
    edit(tmp_path, **{"score.bias": torch.zeros(1)})
    assert Scorer(tmp_path).score([[1, 2, 3]]) == pytest.approx(scorer.score([[1, 2, 3]]), abs=1e-5)
    edit(tmp_path, **{"score.bias": torch.ones(1)})
    with pytest.raises(ConfigurationError, match="bias"):
        Scorer(tmp_path)


def test_a_logit_that_is_not_finite_is_no_score(tmp_path, model_and_scorer):
    model, _ = model_and_scorer
    model.save_pretrained(tmp_path)
    edit(tmp_path, **{"score.weight": torch.full((1, SMALL["hidden_size"]), float("nan"))})
    with pytest.raises(RewardServerError) as caught:
        Scorer(tmp_path).score([[1, 2]])
    assert caught.value.kind == "not_finite"


def test_one_bad_weight_row_spoils_only_the_inputs_that_use_it(tmp_path, model_and_scorer):
    model, scorer = model_and_scorer
    model.save_pretrained(tmp_path)
    embeddings = model.get_input_embeddings().weight.detach().clone()
    embeddings[7] = float("nan")
    edit(tmp_path, **{"model.embed_tokens.weight": embeddings})
    common = list(range(10, 40))
    good, bad = Scorer(tmp_path).logits([[*common, 3], [*common, 7]])
    assert good == pytest.approx(scorer.score([[*common, 3]])[0], abs=1e-4)
    assert bad != bad


@pytest.mark.parametrize(
    ("architecture", "options", "says"),
    [
        ("Qwen3", {"head_dim": 8, "num_labels": 2}, "2 labels"),
        ("Qwen3", {"head_dim": 8, "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}, "sliding"),
        ("Gemma2", {"head_dim": 8}, "packed"),
    ],
)
def test_a_model_that_would_be_scored_wrongly_is_refused(tmp_path, architecture, options, says):
    save_model(tmp_path, architecture, **options)
    with pytest.raises(ConfigurationError, match=says):
        Scorer(tmp_path)


def test_a_folder_that_is_no_reward_model_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        Scorer(tmp_path)
    config = transformers.Qwen3Config(**SMALL, head_dim=8)
    transformers.Qwen3ForCausalLM(config).save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match="Qwen3ForCausalLM"):
        Scorer(tmp_path)


tokens = st.lists(st.integers(0, 3), min_size=1, max_size=80)


@given(tokens, tokens)
def test_the_shared_prefix_is_the_longest_that_leaves_a_last_token(first, second):
    length = shared_prefix(first, second)
    assert first[:length] == second[:length]
    assert length < min(len(first), len(second))
    longer = first[: length + 1] == second[: length + 1]
    assert not longer or length == min(len(first), len(second)) - 1


@given(st.lists(tokens, min_size=1, max_size=12))
@settings(max_examples=200)
def test_a_row_holds_every_sequence_exactly(sequences):
    sequences.sort()
    row = lay_out(sequences)
    assert [i for node in row.nodes for i in range(node.start, node.end)] == list(range(len(row.ids)))
    for sequence, leaf in zip(sequences, row.leaves, strict=True):
        spans = [*leaf.before, (leaf.start, leaf.end)]
        seen = [i for start, end in spans for i in range(start, end)]
        assert [row.ids[i] for i in seen] == sequence
        assert [row.positions[i] for i in seen] == list(range(len(sequence)))


@given(st.lists(tokens, min_size=1, max_size=12), st.integers(1, 200))
def test_chunks_hold_every_sequence_once(sequences, size):
    found = list(chunks(sequences, size))
    assert sorted(i for chunk in found for i in chunk) == list(range(len(sequences)))
    assert all(chunk for chunk in found)


def test_a_group_costs_its_statement_once():
    statement = list(range(100))
    sequences = sorted([*statement, 200 + i] for i in range(16))
    assert len(lay_out(sequences).ids) == 100 + 16
    assert packing.SHARED_TOKENS < 100

"""Published reward models become ours: whatever the architecture, twice is as good as once, and their scores stay what they were."""

import hashlib
import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_published import ARCHITECTURES, build_published
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.reference import Reference, require_equal
from code_reward.reward_data import Pair
from code_reward.rm_input import PRESETS, RMInput
from code_reward.rows import write_rows
from code_reward.themis import FUNCTIONAL_CORRECTNESS
from reward_servers.scorer import Scorer
from rm_train.adoption import adopt
from rm_train.settings import Train
from rm_train.specimens import SPECIMENS
from rm_train.train import main as train


def contents(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def weights(folder):
    return {name: tensor for shard in folder.glob("*.safetensors") for name, tensor in load_file(shard).items()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_adopted_with_its_scores_unchanged(tmp_path, architecture):
    folder = build_published(tmp_path / "rm", architecture)
    before = weights(folder)
    assert adopt(folder, "generic") == f"adopted {folder}"
    after = weights(folder)
    assert after.pop("score.bias").tolist() == [0.0]
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    reference = Reference.load(folder)
    assert len({item.score for item in reference.items}) == len(SPECIMENS)
    ids = [item.ids for item in reference.items]
    # The embedded server's packed scorer is another implementation than the one that wrote the scores.
    require_equal(reference, Scorer(folder).score(ids), "float32", "the scorer")
    # Whatever transformers does with padding: a batch of one has none.
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        plain = [float(model(torch.tensor([one])).logits[0, 0]) for one in ids]
    require_equal(reference, plain, "float32", "transformers")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_adopted_trained_by_nothing_and_exported_it_gives_the_scores_that_it_had(tmp_path, architecture):
    folder = build_published(tmp_path / "rm", architecture)
    adopt(folder, "codescaler")
    write_rows(tmp_path / "pairs.jsonl", [Pair(problem_id="p", statement="Add.", chosen=f"a = {i}", rejected=f"b = {i}") for i in range(2)])
    nothing = {"learning_rate": 0.0, "weight_decay": 0.0, "dtype": "float32"}
    train(Train(init=folder, pairs=tmp_path / "pairs.jsonl", out=tmp_path / "trained", **nothing))
    reference = Reference.load(folder)
    require_equal(reference, Scorer(tmp_path / "trained").score([item.ids for item in reference.items]), "float32", "what was exported")
    assert RMInput.load(tmp_path / "trained").settings == RMInput.load(folder).settings


def test_adopting_twice_changes_nothing(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    adopt(folder, "codescaler")
    before, times = contents(folder), {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    assert "already" in adopt(folder, "codescaler")
    assert contents(folder) == before
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")} == times


@pytest.mark.parametrize("preset", ["coderm-nt", "codescaler", "skywork", "generic"])
def test_a_preset_decides_the_input(tmp_path, preset):
    folder = build_published(tmp_path / "rm", "Qwen2")
    adopt(folder, preset)
    settings = RMInput.load(folder).settings
    assert settings == PRESETS.get(preset).model_copy(update={"max_tokens": min(PRESETS.get(preset).max_tokens, 1023)})
    answers = [item.answer for item in Reference.load(folder).items]
    assert answers == [one.program if settings.part == "code" else one.answer for one in SPECIMENS]


def test_themis_judges_below_the_system_prompt_of_its_criterion(tmp_path):
    """The ids are those of transformers' chat template, as in the script that gave the published scores."""
    folder = build_published(tmp_path / "rm", "Qwen3", max_position_embeddings=8192)
    adopt(folder, "themis")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for item in Reference.load(folder).items:
        turns = [("system", FUNCTIONAL_CORRECTNESS), ("user", item.statement), ("assistant", item.answer)]
        text = tokenizer.apply_chat_template([{"role": role, "content": content} for role, content in turns], tokenize=False)
        assert item.ids == tokenizer.encode(text, add_special_tokens=False)
    assert "**Functional Correctness**" in FUNCTIONAL_CORRECTNESS


def test_label_names_are_added_or_sglang_would_normalise_the_hidden_state(tmp_path):
    folder = build_published(tmp_path / "rm", "Llama")
    assert "id2label" not in json.loads((folder / "config.json").read_text())
    adopt(folder, "generic")
    assert json.loads((folder / "config.json").read_text())["id2label"] == {"0": "LABEL_0"}


def test_label_names_of_the_publisher_stay(tmp_path):
    folder = build_published(tmp_path / "rm", "Llama")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "id2label": {"0": "quality"}, "label2id": {"quality": 0}}))
    adopt(folder, "generic")
    assert json.loads((folder / "config.json").read_text())["id2label"] == {"0": "quality"}


def test_shards_are_kept_and_their_index_knows_the_bias(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3", shards=True)
    assert len(list(folder.glob("*.safetensors"))) > 1
    adopt(folder, "generic")
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    assert index["score.bias"] == index["score.weight"]
    assert "score.bias" in load_file(folder / index["score.bias"])


def test_a_copy_leaves_the_published_folder_alone(tmp_path):
    folder = build_published(tmp_path / "hub" / "rm", "Qwen3")
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for path in folder.iterdir():
        (snapshot / path.name).symlink_to(path)
    before = contents(folder)
    out = tmp_path / "ours"
    assert adopt(snapshot, "generic", out) == f"adopted as {out}"
    assert contents(folder) == before
    assert not any(path.is_symlink() for path in out.iterdir())
    assert "already" in adopt(snapshot, "generic", out)


def test_in_place_a_hub_cache_keeps_its_blobs(tmp_path):
    folder = build_published(tmp_path / "hub", "Qwen3")
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for path in folder.iterdir():
        (snapshot / path.name).symlink_to(path)
    before = contents(folder)
    adopt(snapshot, "generic")
    assert contents(folder) == before
    assert "score.bias" in load_file(snapshot / "model.safetensors")


# What is not a scalar reward model, or no longer the one that it was, is refused with what to do, and nothing is written.


def refused(folder, preset="generic", error=ConfigurationError):
    before = contents(folder)
    with pytest.raises(error) as caught:
        adopt(folder, preset)
    assert contents(folder) == before
    return str(caught.value)


def edit(folder, **config):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))


def test_a_causal_model_is_refused(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    edit(folder, architectures=["Qwen3ForCausalLM"])
    assert "not a sequence classifier" in refused(folder)


@pytest.mark.parametrize("labels", [{"num_labels": 3}, {"id2label": {"0": "bad", "1": "good"}}])
def test_several_labels_are_refused(tmp_path, labels):
    folder = build_published(tmp_path / "rm", "Qwen3")
    edit(folder, **labels)
    assert "labels; a reward model has one" in refused(folder)


def test_a_bias_that_is_not_zero_is_refused(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    shard = folder / "model.safetensors"
    save_file({**load_file(shard), "score.bias": torch.ones(1)}, shard, metadata={"format": "pt"})
    assert "set it to zero" in refused(folder)


def test_weights_that_are_not_safetensors_are_refused(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    os.rename(folder / "model.safetensors", folder / "pytorch_model.bin")
    assert "safetensors" in refused(folder)


def test_an_unknown_preset_is_named(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    assert "coderm-nt" in refused(folder, "coderm")


def test_another_preset_than_before_is_refused(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    adopt(folder, "generic")
    assert "adopt anew" in refused(folder, "codescaler")


def test_weights_that_changed_since_are_noticed(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    adopt(folder, "generic")
    shard = folder / "model.safetensors"
    tensors = load_file(shard)
    save_file({**tensors, "score.weight": -tensors["score.weight"]}, shard, metadata={"format": "pt"})
    assert "not the expected reward model" in refused(folder, error=RewardServerError)


def test_a_missing_chat_template_is_named(tmp_path):
    folder = build_published(tmp_path / "rm", "Qwen3")
    (folder / "chat_template.jinja").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template")
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert "chat template" in refused(folder)

"""Published reward models in small: Hugging Face sequence classifiers of several architectures, with nothing of ours in them."""

from __future__ import annotations

import json
from pathlib import Path

from tiny_rm import CHAT_TEMPLATE, save_tokenizer

ARCHITECTURES = ("Qwen2", "Qwen3", "Llama", "Glm4")

SIZE = {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def build_published(folder: Path, architecture: str, *, seed: int = 0, shards: bool = False, **config: object) -> Path:
    """A reward model of that architecture as `save_pretrained` leaves it."""
    import torch
    import transformers

    torch.manual_seed(seed)
    size = {name: value for name, value in SIZE.items() if architecture != "Qwen2" or name != "head_dim"}
    configured = getattr(transformers, f"{architecture}Config")(num_labels=1, **{**size, **config})
    model = getattr(transformers, f"{architecture}ForSequenceClassification")(configured)
    with torch.no_grad():
        model.score.weight.mul_(20)
    model.save_pretrained(folder, **({"max_shard_size": "200KB"} if shards else {}))
    save_tokenizer(folder)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    config_file = folder / "config.json"
    published = json.loads(config_file.read_text())
    # transformers leaves out what is its default; what is published by others does, too.
    published.pop("id2label", None)
    published.pop("label2id", None)
    config_file.write_text(json.dumps({**published, "num_labels": 1}, indent=2))
    return folder

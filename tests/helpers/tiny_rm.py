"""Reward models made from scratch in a second: a whole checkpoint, or the small folder without weights that a client needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from code_reward.reference import Reference, ReferenceItem
from code_reward.rm_input import Encoded, RMInput, RMInputSettings

CHAT_TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
EXAMPLES = 6


def statement(i: int) -> str:
    return f"Write a function add_{i} that adds two numbers and {i}. Numbers may be negative."


def program(i: int) -> str:
    return f"def add_{i}(a, b):\n    total = a + b + {i}\n    return total"


def answer(i: int) -> str:
    return f"```python\n{program(i)}\n```"


def build_client_folder(folder: Path, score: Callable[[list[int]], float], max_tokens: int = 512) -> Path:
    """What a client needs of a reward model that scores by `score`: tokenizer, code_reward.json, reference_scores.json."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(folder)
    rm_input = RMInput.load(folder, RMInputSettings(max_tokens=max_tokens))
    rm_input.save(folder)
    items = []
    for i in range(EXAMPLES):
        encoded = rm_input.encode(statement(i), program(i))
        assert isinstance(encoded, Encoded)
        items.append(ReferenceItem(statement=statement(i), answer=program(i), ids=encoded.ids, score=score(encoded.ids)))
    Reference(items=items).save(folder)
    return folder


def build_rm(folder: Path, seed: int = 0, **config: int) -> Path:
    """A Qwen3 reward model as the contract of docs/design.md says; another seed is another model of the same shape and tokenizer.

    Args:
        config: Overrides of the tiny size, by the names of `Qwen3Config`.
    """
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForSequenceClassification

    from rm_train.export import export

    source = folder.parent / f"{folder.name}-tokenizer"
    source.mkdir(parents=True)
    save_tokenizer(source)
    torch.manual_seed(seed)
    size = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    shape = {"vocab_size": 512, "head_dim": 16, "max_position_embeddings": 1024, "pad_token_id": 0, **size, **config}
    model = Qwen3ForSequenceClassification(Qwen3Config(num_labels=1, **shape))
    with torch.no_grad():
        model.score.weight.mul_(20)  # Scores of order 1, so that two models differ by more than any tolerance.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
    rm_input = RMInput.load(source, RMInputSettings(max_tokens=min(4096, shape["max_position_embeddings"])))
    export(model, tokenizer, rm_input, [(statement(i), program(i)) for i in range(EXAMPLES)], folder)
    return folder


def save_tokenizer(folder: Path) -> None:
    """A byte-level BPE with a chat template, in transformers' files."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text for i in range(20) for text in (statement(i), program(i))], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "chat_template": CHAT_TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **names}))

"""Reward models with random weights at true sizes, and problems of random tokens with the shape of real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel, Qwen3Config

from rm_train.layout import Ints

# Of Qwen3's own configurations: width, MLP, layers, heads, heads of keys.
SHAPES = {"1.7b": (2048, 6144, 28, 16, 8), "4b": (2560, 9728, 36, 32, 8), "tiny": (64, 128, 2, 4, 2)}
VOCABULARY = 151936
TINY_VOCABULARY = 512


def config(size: str) -> Any:
    """A Qwen3 classifier of this size."""
    width, mlp, layers, heads, keys = SHAPES[size]
    shape = {"hidden_size": width, "intermediate_size": mlp, "num_hidden_layers": layers, "num_attention_heads": heads}
    tiny = size == "tiny"
    more = {"num_key_value_heads": keys, "head_dim": 16 if tiny else 128, "vocab_size": TINY_VOCABULARY if tiny else VOCABULARY}
    return Qwen3Config(**shape, **more, num_labels=1, pad_token_id=0, max_position_embeddings=40960)


def build(size: str, attention: str, dtype: torch.dtype) -> PreTrainedModel:
    """Random weights, drawn where there is most power, whose scores are of order 1."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        model = AutoModelForSequenceClassification.from_config(config(size), dtype=dtype, attn_implementation=attention)
    with torch.no_grad():
        model.score.weight.normal_(std=SHAPES[size][0] ** -0.5)
    return model


def problems(count: int, programs: int, tiny: bool, seed: int = 0) -> list[list[Ints]]:
    """Inputs of problems: a statement of 500 tokens (tiny: 40), programs of 300 (20) that share their first lines with some other."""
    draw = np.random.default_rng(seed)
    high, statement, program = (TINY_VOCABULARY, 40, 20) if tiny else (50_000, 500, 300)

    def tokens(length: int) -> Ints:
        return draw.integers(300, high, length).astype(np.int32)

    made = []
    for _ in range(count):
        head = tokens(statement)
        inputs: list[Ints] = []
        for number in range(programs):
            length = int(draw.integers(program // 2, program * 3 // 2))
            begun = inputs[draw.integers(number)][statement : statement + int(draw.integers(length // 2))] if number else tokens(0)
            inputs.append(np.concatenate([head, begun, tokens(length - len(begun))]))
        made.append(inputs)
    return made


def save(model: PreTrainedModel, folder: Path) -> Path:
    """As a checkpoint that every server takes; its tokenizer is a small one, its scores are checked on the device that made it."""
    from transformers import AutoTokenizer

    from code_reward.rm_input import RMInput, RMInputSettings
    from data_prep.tokenizer import save_tokenizer, train_tokenizer
    from rm_train.export import export
    from rm_train.specimens import SPECIMENS

    source = folder.with_name(f"{folder.name}-tokenizer")
    save_tokenizer(train_tokenizer([text for specimen in SPECIMENS for text in specimen], TINY_VOCABULARY), source)
    rm_input = RMInput.load(source, RMInputSettings(max_tokens=4096))
    examples = [(statement, program) for statement, _, program in SPECIMENS]
    export(model, AutoTokenizer.from_pretrained(str(source)), rm_input, examples, folder, device=str(model.device))
    return folder

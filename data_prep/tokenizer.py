"""A small byte-level BPE tokenizer with a chat template, trained on reward data: `python -m data_prep.tokenizer`.

For models made from scratch: a policy and a reward model that share one vocabulary. Written in the files that transformers and
`code_reward.rm_input` both read, without importing transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.files import write_text
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows

END = "<|im_end|>"
PAD = "<|endoftext|>"
SPECIAL_TOKENS = [PAD, "<|im_start|>", END]

# ChatML, as Qwen writes it.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Learn merges from `texts`; any text can be encoded, because the alphabet is all 256 bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: str | Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "extra_special_tokens": ["<|im_start|>"],
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 2048,
    }
    write_text(Path(folder) / "tokenizer.json", tokenizer.to_str())
    write_text(Path(folder) / "tokenizer_config.json", json.dumps(config, indent=2))


class TrainTokenizer(Command):
    """Train a tokenizer on the statements and programs of a row file."""

    rows: Path
    """Rows with a statement and a program (JSONL or parquet)."""
    out: Path
    """Folder for the tokenizer."""
    vocab_size: int = 1024
    """Entries of the vocabulary, the 256 bytes included."""


def main(settings: TrainTokenizer) -> None:
    """Train and write the folder."""
    rows = read_rows(settings.rows, LabelledProgram)
    if not rows:
        raise DataError(f"{settings.rows} has no rows; make some with python -m data_prep.demonstrations.")
    # As they stand in a chat: the fence and the role names become single tokens too.
    texts = (f"user\n{row.statement}\nassistant\n```python\n{row.program}\n```" for row in rows)
    tokenizer = train_tokenizer(texts, settings.vocab_size)
    save_tokenizer(tokenizer, settings.out)
    print(f"a vocabulary of {tokenizer.get_vocab_size()} from {len(rows)} rows, in {settings.out}")


if __name__ == "__main__":
    run(TrainTokenizer, main)

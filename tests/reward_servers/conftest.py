"""A tiny reward model made from scratch, and servers to serve it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHAT_TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"


def program(i: int) -> str:
    return f"def add_{i}(a, b):\n    total = a + b + {i}\n    return total"


def statement(i: int) -> str:
    return f"Write a function add_{i} that adds two numbers and {i}. Numbers may be negative."


def _tokenizer() -> object:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([text for i in range(20) for text in (statement(i), program(i))], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = CHAT_TEMPLATE
    return fast


def build_rm(folder: Path, seed: int = 0) -> Path:
    """A reward model checkpoint as the contract says; another seed is another model of the same shape and tokenizer."""
    import torch
    from transformers import Qwen3Config, Qwen3ForSequenceClassification

    from code_reward.rm_input import RMInput, RMInputSettings
    from rm_train.export import export

    tokenizer = _tokenizer()
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=1024,
        num_labels=1,
        pad_token_id=0,
    )
    model = Qwen3ForSequenceClassification(config)
    with torch.no_grad():
        model.score.weight.mul_(20)  # Scores of order 1, so that two models differ by more than any tolerance.
    folder.parent.mkdir(parents=True, exist_ok=True)
    (folder.parent / "tokenizer").mkdir(exist_ok=True)
    tokenizer.save_pretrained(folder.parent / "tokenizer")
    rm_input = RMInput.load(folder.parent / "tokenizer", RMInputSettings(max_tokens=512))
    export(model, tokenizer, rm_input, [(statement(i), program(i)) for i in range(6)], folder)
    return folder


@pytest.fixture(scope="session")
def rm_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rm(tmp_path_factory.mktemp("rm") / "tiny-rm")


@pytest.fixture(scope="session")
def other_rm_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rm(tmp_path_factory.mktemp("rm") / "other-rm", seed=1)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`python -m reward_servers.embedded` as its own process; its URL and the process."""
    command = [sys.executable, "-m", "reward_servers.embedded", "--model", str(folder), "--threads", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line.startswith("ready http://"), line + process.stderr.read()
            yield line.split()[1], process
        finally:
            process.terminate()
            process.communicate()


@pytest.fixture(scope="session")
def serve() -> Callable[..., object]:
    return serving


@pytest.fixture(scope="session")
def server_url(rm_dir: Path) -> Iterator[str]:
    with serving(rm_dir) as (url, _):
        yield url

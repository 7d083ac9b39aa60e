"""What is scored: groups of real answers to real problems, and a reward model of about 10 M parameters with random weights.

The answers are CodeGen-16B's solutions of HumanEval tasks, 100 per task, of which groups of distinct ones are taken as reinforcement
learning would sample them. The model's weights do not matter for time; its tokenizer is trained on the problems and answers.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

from code_reward.errors import ConfigurationError
from code_reward.rm_input import Encoded, RMInput, RMInputSettings

VOCABULARY = 16384


class Sample(NamedTuple):
    """One answer to judge."""

    statement: str
    response: str
    entry_point: str


def load_groups(data: Path, rm_input: RMInput, groups: int, size: int) -> list[list[Sample]]:
    """`groups` groups of `size` answers that extract, no two of a group with the same ids."""
    found: list[list[Sample]] = []
    for task in _tasks(data):
        group: dict[tuple[int, ...], Sample] = {}
        for solution in task["solutions"]:
            sample = Sample(task["prompt"].strip(), f"```python\n{task['prompt']}{solution.rstrip()}\n```", task["entry_point"])
            prepared = rm_input.build(*sample)
            if isinstance(prepared, Encoded) and len(group) < size:
                group.setdefault(tuple(prepared.ids), sample)
        if len(group) == size and len(found) < groups:
            found.append(list(group.values()))
    return found


def build_model(data: Path, folder: Path) -> Path:
    """A Qwen3 reward model, reused if it is there. It reads whole answers, as CodeRM-NT's does, so that both score the same ids."""
    if folder.exists():
        return folder
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForSequenceClassification

    from data_prep.tokenizer import save_tokenizer, train_tokenizer
    from rm_train.export import export

    tasks = _tasks(data)
    texts = [task["prompt"] + solution for task in tasks for solution in task["solutions"][:20]]
    with gzip.open(data / "problems" / "leetcode_train.jsonl.gz", "rt") as lines:
        texts += [text for line in lines for text in (json.loads(line)["query"], json.loads(line)["completion"])]
    source = folder.with_name("tokenizer")
    save_tokenizer(train_tokenizer(texts, VOCABULARY), source)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=4096,
        num_labels=1,
        pad_token_id=0,
    )
    examples = [(task["prompt"].strip(), f"```python\n{task['prompt']}{task['solutions'][0]}\n```") for task in tasks[-16:]]
    rm_input = RMInput.load(source, RMInputSettings(part="answer", ends_with="template"))
    export(Qwen3ForSequenceClassification(config), PreTrainedTokenizerFast.from_pretrained(source), rm_input, examples, folder)
    return folder


def _tasks(data: Path) -> list[dict[str, Any]]:
    path = data / "candidates" / "codegen16b_humaneval_even.jsonl.gz"
    if not path.is_file():
        raise ConfigurationError(
            f"{path} does not exist; set --data or CODE_REWARD_DATA to the folder of the real data (docs/real_data.md says what is in it)."
        )
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]

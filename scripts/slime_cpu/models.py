"""Models small enough to train in seconds: a policy that knows its few answers nearly by heart, a reward model with random weights.

What such a reward model rewards means nothing; but it is one in every respect (`docs/design.md`), and another seed is another model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch.nn.functional import cross_entropy
from transformers import (
    AutoTokenizer,
    Glm4Config,
    Glm4ForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3ForSequenceClassification,
)

from code_reward.files import replacing_folder
from code_reward.problem import CallTest, Problem
from code_reward.rm_input import RMInput, RMInputSettings
from data_prep.tokenizer import save_tokenizer, train_tokenizer
from rm_train.export import export

Architecture = Literal["qwen3", "glm4"]

# Megatron pads a vocabulary to a multiple of 128 per tensor-parallel rank; this one needs no padding for up to four.
SHAPE = {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 1024,
}
PROBLEMS = 8
CONTEXT = 512


def make_problems() -> list[Problem]:
    """The problems that the policy knows."""
    return [_problem(i) for i in range(1, PROBLEMS + 1)]


def _problem(i: int) -> Problem:
    name = f"add_{i}"
    tests = [CallTest(args=repr((n,)), expected=repr(n + i)) for n in range(3)]
    solution = f"def {name}(n):\n    return n + {i}"
    return Problem(
        id=f"p{i}", statement=f"Write `{name}(n)` that adds {i} to n.", entry_point=name, reference_solution=solution, tests=tests
    )


def _programs(problem: Problem) -> list[str]:
    """A right, a wrong and a longer right one."""
    right = problem.reference_solution or ""
    return [right, right.replace("+", "-"), right.replace("return ", "total = ") + "\n    return total"]


def build_policy(folder: Path, architecture: Architecture = "qwen3", steps: int = 150) -> Path:
    """Train a policy for `steps` steps (a few seconds); its answers vary at temperature 1, and some of them are not even Python."""
    texts = [f"user\n{p.statement}\nassistant\n```python\n{program}\n```" for p in make_problems() for program in _programs(p)]
    with replacing_folder(folder) as new:
        save_tokenizer(train_tokenizer(texts, SHAPE["vocab_size"]), new)
        tokenizer = AutoTokenizer.from_pretrained(str(new))
        model = _create(architecture, tokenizer)
        _teach(model, tokenizer, steps)
        model.save_pretrained(new)
    return folder


def _create(architecture: Architecture, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    torch.manual_seed(0)
    tokens = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    if architecture == "glm4":
        model = Glm4ForCausalLM(Glm4Config(**SHAPE, **tokens, tie_word_embeddings=False, attention_bias=True))
    else:
        model = Qwen3ForCausalLM(Qwen3Config(**SHAPE, **tokens, tie_word_embeddings=True))
    with torch.no_grad():
        # transformers leaves this row at zero, of which Megatron, where it is a token like any other, has gradients of 1/sqrt(eps).
        model.get_input_embeddings().weight[tokenizer.pad_token_id].normal_(std=0.02)
    return model


def _teach(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, steps: int) -> None:
    rows = [_row(tokenizer, problem.statement, program) for problem in make_problems() for program in _programs(problem)]
    length = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [0] * (length - len(ids)) for ids, _ in rows])
    labels = torch.tensor([[-100] * start + ids[start:] + [-100] * (length - len(ids)) for ids, start in rows])
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(steps):
        logits = model(input_ids=ids).logits[:, :-1]
        loss = cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()


def _row(tokenizer: PreTrainedTokenizerBase, statement: str, program: str) -> tuple[list[int], int]:
    """A conversation's token ids, and where the answer begins."""
    messages = [{"role": "user", "content": statement}, {"role": "assistant", "content": f"```python\n{program}\n```"}]
    prompt: Any = tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True)
    whole: Any = tokenizer.apply_chat_template(messages, tokenize=False)
    ids, start = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (whole.rstrip("\n"), prompt))
    return ids, len(start)


def build_rm(folder: Path, policy: Path, seed: int = 0) -> Path:
    """A reward model with the policy's tokenizer, as every server and client expects it."""
    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(str(policy))
    model = Qwen3ForSequenceClassification(Qwen3Config(num_labels=1, pad_token_id=tokenizer.pad_token_id, **SHAPE))
    with torch.no_grad():
        model.score.weight.mul_(20)  # Scores of order 1.
    examples = [(problem.statement, program) for problem in make_problems() for program in _programs(problem)]
    export(model, tokenizer, RMInput.load(policy, RMInputSettings(max_tokens=CONTEXT)), examples, folder)
    return folder

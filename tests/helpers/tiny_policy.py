"""Policies made from scratch in a second, with problems, programs and pairs small enough to learn by heart."""

from __future__ import annotations

from pathlib import Path

from code_reward.problem import CallTest, Problem
from code_reward.reward_data import Pair
from data_prep.tokenizer import save_tokenizer, train_tokenizer


def statement(i: int) -> str:
    return f"Write `shift(n)` that adds {i} to n."


def right(i: int) -> str:
    return f"def shift(n):\n    return n + {i}"


def wrong(i: int) -> str:
    return f"def shift(n):\n    return n - {i}"


def problem(i: int) -> Problem:
    tests = [CallTest(args=repr((n,)), expected=repr(n + i)) for n in range(3)]
    return Problem(id=f"p{i}", statement=statement(i), entry_point="shift", reference_solution=right(i), tests=tests)


def pair(i: int, **changes: object) -> Pair:
    row = {"problem_id": f"p{i}", "statement": statement(i), "chosen": right(i), "rejected": wrong(i), **changes}
    return Pair.model_validate(row)


def build_policy(folder: Path) -> Path:
    """A random Qwen3 of one layer with its tokenizer."""
    from code_reward_trl.policy import create_policy
    from transformers import AutoTokenizer

    texts = [f"user\n{statement(i)}\nassistant\n```python\n{right(i)}\n{wrong(i)}\n```" for i in range(1, 9)]
    save_tokenizer(train_tokenizer(texts, 330), folder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    create_policy(tokenizer, hidden=32, layers=1, seed=0).save_pretrained(folder)
    return folder

"""Zero-shot baselines: scores of a causal language model that was never trained to score.

`logprob` is the mean log-probability of the answer's tokens after the prompt: what the model itself would rather write. `yes_no` shows it
prompt and answer, asks whether the answer is right, and takes the log-odds of Yes against No. Logits are computed for the tokens that
count alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.causal_model import load_causal
from benchmarks.rewards.row import Item
from code_reward.errors import ConfigurationError
from code_reward.verdict import Missing, Rejected, Scored, Verdict

Method = Literal["logprob", "yes_no"]

_BATCH_TOKENS = {"cpu": 2048}
_CUDA_TOKENS = 32768
_QUESTION = (
    "{prompt}\n\nHere is an answer to this task:\n\n{answer}\n\nDoes the answer solve the task correctly in every case? "
    "Reply with one word, Yes or No."
)


class CausalJudge:
    """A causal language model as a judge.

    Args:
        folder: A Hugging Face folder with a chat template.
        method: What its score is.
        dtype: Precision.
        device: Where it runs.
    """

    def __init__(self, folder: Path, method: Method, dtype: str = "bfloat16", device: str = "cpu") -> None:
        self._model, self._tokenizer = load_causal(folder, dtype, device)
        if self._tokenizer.chat_template is None:
            raise ConfigurationError(f"{folder} has no chat template, which a zero-shot judge needs; give a chat model.")
        self._method, self._device = method, device
        self._longest = self._model.config.max_position_embeddings
        self._head = self._model.get_output_embeddings()
        words = [self._tokenizer.encode(word, add_special_tokens=False)[0] for word in ("Yes", "No")]
        self._words = self._head.weight.detach()[words].float()

    @torch.inference_mode()
    def score(self, items: Sequence[Item]) -> list[Verdict]:
        """A verdict per item, in order; what is longer than the model's context is rejected."""
        inputs = [self._input(item) for item in items]
        verdicts: list[Verdict] = [Rejected("input_too_long")] * len(items)
        short = [index for index, (ids, _) in enumerate(inputs) if len(ids) <= self._longest]
        for batch in self._batches(sorted(short, key=lambda index: len(inputs[index][0])), inputs):
            for index, score in zip(batch, self._forward([inputs[index] for index in batch]), strict=True):
                verdicts[index] = Scored(score) if math.isfinite(score) else Missing("not_finite")
        return verdicts

    def _input(self, item: Item) -> tuple[list[int], int]:
        """Token ids, and where those begin that count."""
        answer = f"```{item.language}\n{item.answer.rstrip()}\n```" if item.is_program else item.answer
        asked = item.prompt if self._method == "logprob" else _QUESTION.format(prompt=item.prompt, answer=answer)
        text = self._tokenizer.apply_chat_template([{"role": "user", "content": asked}], tokenize=False, add_generation_prompt=True)
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        if self._method == "yes_no":
            return ids, len(ids)
        return ids + self._tokenizer.encode(answer, add_special_tokens=False), len(ids)

    def _batches(self, order: Sequence[int], inputs: Sequence[tuple[list[int], int]]) -> Iterator[list[int]]:
        """Neighbours in length, as many as the budget of padded tokens allows."""
        budget, batch = _BATCH_TOKENS.get(self._device, _CUDA_TOKENS), list[int]()
        for index in order:
            if batch and len(inputs[index][0]) * (len(batch) + 1) > budget:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _forward(self, batch: Sequence[tuple[list[int], int]]) -> list[float]:
        width = max(len(ids) for ids, _ in batch)
        ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in batch], device=self._device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row, _ in batch], device=self._device)
        states = self._model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        return [self._read(states[place], row, start) for place, (row, start) in enumerate(batch)]

    def _read(self, states: Any, row: list[int], start: int) -> float:
        if self._method == "yes_no":
            # In float32: bfloat16 has so few steps that every other pair of programs would tie.
            yes, no = self._words @ states[len(row) - 1].float()
            return float(yes - no)
        if start == len(row):
            return -math.inf
        logits = self._head(states[start - 1 : len(row) - 1]).float()
        chosen = torch.tensor(row[start:], device=self._device)
        return float(torch.log_softmax(logits, -1).gather(-1, chosen[:, None]).mean())

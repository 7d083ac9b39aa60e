"""A causal model folder as a policy: many questions at once, on any device.

Rows share one cache, padded on the left. A row that has ended leaves the batch at once and a new question takes its place, so that a
long answer does not keep the others waiting; columns that only ended rows needed are dropped. Logits are computed for the last token
alone. In bfloat16 what else is in a batch may turn a near tie between two tokens, so greedy answers depend slightly on `batch`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import DynamicCache

from benchmarks.causal_model import load_causal
from benchmarks.sampling.question import Answer, Question, Sampling
from code_reward.errors import ConfigurationError

DType = Literal["bfloat16", "float16", "float32"]

_SPLITTER = "-[[the-answer-goes-on-here]]-"
_MARGIN = 8
"""Tokens that are decoded beyond the length of the longest stop text, for characters that are spread over tokens."""

_LIKELY = 256
"""Most likely tokens that are looked at first where one is drawn."""

Key = tuple[str, int]
"""Task and number of the sample."""


@dataclass
class _Row:
    key: Key
    prompt: list[int]
    stops: tuple[str, ...]
    form: Literal["chat", "prefilled", "completion"]
    draw: random.Random
    ids: list[int] = field(default_factory=list)


class FolderModel:
    """A Hugging Face causal model in memory.

    Args:
        folder: The checkpoint.
        dtype: Of the weights.
        device: Where it runs.
        batch: Answers that are written at once.

    Raises:
        ConfigurationError: The folder holds no such model.
    """

    def __init__(self, folder: Path, dtype: DType = "bfloat16", device: str = "cpu", batch: int = 32) -> None:
        self._model, self._tokenizer = load_causal(folder, dtype, device)
        self._batch, self._device = batch, device
        ends = self._model.generation_config.eos_token_id
        self._ends = {*(ends if isinstance(ends, list) else [ends]), self._tokenizer.eos_token_id} - {None}

    @torch.inference_mode()
    def answer(self, asked: Sequence[tuple[Key, Question]], sampling: Sampling, give: Callable[[Key, Answer], None]) -> None:
        """Answer every question, the longest first, and `give` each answer as soon as it is there."""
        rows = sorted((self.row(key, question, sampling) for key, question in asked), key=lambda row: len(row.prompt), reverse=True)
        waiting, state = iter(rows), _State(self._model, self._device)
        while self._fill(state, waiting):
            for row, token in zip(state.rows, self._next(state, sampling), strict=True):
                row.ids.append(token)
            ended = [self._end(row, sampling) for row in state.rows]
            for row, answer in zip(state.rows, ended, strict=True):
                if answer is not None:
                    give(row.key, answer)
            state.keep([index for index, answer in enumerate(ended) if answer is None])
            state.step()

    def _fill(self, state: _State, waiting: Iterator[_Row]) -> bool:
        """Take in new questions when a quarter of the places is free; whether there is anything to do."""
        free = self._batch - len(state.rows)
        if free >= max(self._batch // 4, 1):
            state.take(list(islice(waiting, free)))
        return bool(state.rows)

    def row(self, key: Key, question: Question, sampling: Sampling) -> _Row:
        """A question as the model reads it."""
        draw = random.Random(f"{sampling.seed}/{key[0]}/{key[1]}")
        if self._tokenizer.chat_template is None:
            if not question.completion:
                raise ConfigurationError("The model has no chat template, which this set needs; give a chat model, or another set.")
            return _Row(key, self._tokenizer.encode(question.completion), question.completion_stops, "completion", draw)
        messages: list[Any] = [{"role": message.role, "content": message.content} for message in question.messages]
        if not question.prefill:
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            return _Row(key, self._tokenizer.encode(text, add_special_tokens=False), (), "chat", draw)
        messages.append({"role": "assistant", "content": question.prefill + _SPLITTER})
        text = self._tokenizer.apply_chat_template(messages, tokenize=False).split(_SPLITTER)[0]
        return _Row(key, self._tokenizer.encode(text, add_special_tokens=False), question.stops, "prefilled", draw)

    def _next(self, state: _State, sampling: Sampling) -> list[int]:
        if sampling.temperature == 0:
            return state.logits.argmax(-1).tolist()  # type: ignore[no-any-return]
        return [
            _draw(logits / sampling.temperature, sampling.top_p, row.draw.random())
            for logits, row in zip(state.logits, state.rows, strict=True)
        ]

    def _end(self, row: _Row, sampling: Sampling) -> Answer | None:
        """The answer of a row that has ended, else None."""
        at_end = row.ids[-1] in self._ends
        tail = max(map(len, row.stops), default=0) + _MARGIN
        stopped = bool(row.stops) and any(stop in self._tokenizer.decode(row.ids[-tail:]) for stop in row.stops)
        if not (at_end or stopped or len(row.ids) >= sampling.max_tokens):
            return None
        text = self._tokenizer.decode(row.ids, skip_special_tokens=True)
        text = text[: min((text.index(stop) for stop in row.stops if stop in text), default=len(text))]
        return Answer(text=text, form=row.form, cut=not (at_end or stopped), tokens=len(row.ids), prompt_tokens=len(row.prompt))


def _draw(logits: torch.Tensor, top_p: float, luck: float) -> int:
    """A token of the smallest set that holds `top_p` of the probability, by one number in [0, 1)."""
    total = torch.logsumexp(logits, -1).double()
    for count in (_LIKELY, len(logits)):  # To sort a whole vocabulary takes longer than the model itself, and is seldom needed.
        largest, order = logits.topk(min(count, len(logits)))
        whole = (largest.double() - total).exp().cumsum(-1)
        if whole[-1] >= top_p:
            break
    kept = int((whole < top_p).sum()) + 1
    whole = whole[:kept]
    return int(order[min(int(torch.searchsorted(whole, luck * whole[-1], right=True)), len(whole) - 1)])


class _State:
    """The rows under way, their shared cache (one column per token, left-padded), and the logits of what comes next."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self.rows: list[_Row] = []
        self._cache: Any = None
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=device)
        self.logits = torch.zeros(0)

    def take(self, rows: list[_Row]) -> None:
        """Read the prompts of new rows and put them below those under way."""
        if not rows:
            return
        # Several answers to one question read it once.
        prompts = [tuple(row.prompt) for row in rows]
        places = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
        width = max(map(len, places))
        ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in places], device=self._device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in places], device=self._device)
        cache = DynamicCache(config=self._model.config)
        logits = self._forward(ids, mask, (mask.cumsum(-1) - 1).clamp(min=0), cache)
        if len(places) < len(rows):
            index = torch.tensor([places[prompt] for prompt in prompts], device=self._device)
            logits, mask = logits[index], mask[index]
            cache.batch_select_indices(index)
        if self.rows:
            _join(self._cache, cache)
            width = max(self._mask.shape[1], mask.shape[1])
            self._mask = torch.cat([_pad(self._mask, width), _pad(mask, width)])
            self.logits = torch.cat([self.logits, logits])
        else:
            self._cache, self._mask, self.logits = cache, mask, logits
        self.rows = self.rows + rows

    def keep(self, places: list[int]) -> None:
        """Go on with these rows only."""
        if len(places) == len(self.rows):
            return
        self.rows = [self.rows[place] for place in places]
        if not places:
            return
        index = torch.tensor(places, device=self._device)
        mask = self._mask[index]
        first = int(mask.any(0).int().argmax())
        self._mask = mask[:, first:]
        for layer in self._cache.layers:
            layer.keys, layer.values = (tensor[index][:, :, first:].contiguous() for tensor in (layer.keys, layer.values))

    def step(self) -> None:
        """Read the last token of every row."""
        if not self.rows:
            return
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        ids = torch.tensor([[row.ids[-1]] for row in self.rows], device=self._device)
        self.logits = self._forward(ids, self._mask, self._mask.sum(-1, keepdim=True) - 1, self._cache)

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any) -> torch.Tensor:
        out = self._model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return out.logits[:, -1].float()  # type: ignore[no-any-return]


def _join(cache: Any, new: Any) -> None:
    """Put the rows of `new` below those of `cache`."""
    for layer, added in zip(cache.layers, new.layers, strict=True):
        width = max(layer.keys.shape[2], added.keys.shape[2])
        layer.keys = torch.cat([_pad(layer.keys, width, 2), _pad(added.keys, width, 2)])
        layer.values = torch.cat([_pad(layer.values, width, 2), _pad(added.values, width, 2)])


def _pad(tensor: torch.Tensor, width: int, dim: int = 1) -> torch.Tensor:
    """Zeros before the columns of a tensor, up to `width` of them."""
    missing = width - tensor.shape[dim]
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[dim] = missing
    return torch.cat([tensor.new_zeros(shape), tensor], dim=dim)

"""The scorer: batches of token ids in, raw logits out. Used by the embedded server, by export and by evaluation.

It runs the base model of any Hugging Face `*ForSequenceClassification` folder with one label and applies the head to the last token that
was sent. It does not search for a pad token, as transformers does: a real last token may equal it. Sequences are packed, not padded
(`reward_servers.packing`), so a score does not depend on its batch.

It knows nothing of text, queues or HTTP, and is not thread-safe: one thread uses one scorer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from code_reward.errors import ConfigurationError, DataError, RewardServerError, explain
from reward_servers.packing import chunks, lay_out
from reward_servers.tree_attention import ATTENTION, TreeModel

DType = Literal["float32", "bfloat16", "float16"]

ROW_TOKENS = {"cpu": 1024, "cuda": 32768}
"""Tokens per forward pass, about; on a CPU more gain nothing and fall out of the caches."""


class Scorer:
    """A reward model in memory.

    Args:
        folder (`str | Path`): A Hugging Face sequence classification checkpoint with one label.
        dtype (`str`, *optional*, defaults to `"float32"`): Precision of the base model; the head is always computed in float32.
        device (`str`, *optional*, defaults to `"cpu"`): Where the model runs.
        threads (`int`, *optional*): CPU threads of torch; by default torch's own choice.

    Raises:
        `ConfigurationError`: The folder is not such a checkpoint, or its architecture cannot be packed.

    Example:
        >>> Scorer("runs/rm").score([[1, 17, 5], [1, 17, 9, 4]])  # doctest: +SKIP
        [0.71, -1.3]
    """

    def __init__(self, folder: str | Path, dtype: DType = "float32", device: str = "cpu", threads: int | None = None) -> None:
        self.folder = Path(folder)
        if threads is not None:
            torch.set_num_threads(threads)
        model = _load(self.folder, dtype).to(device).eval()
        self._tree, self._head = TreeModel(model), model.score.weight.detach().float()
        self._row_tokens = ROW_TOKENS.get(torch.device(device).type, ROW_TOKENS["cpu"])
        self.vocabulary_size: int = model.get_input_embeddings().num_embeddings
        self.context_length: int = model.config.max_position_embeddings

    def score(self, batch: Sequence[list[int]]) -> list[float]:
        """Raw logits, in order; raises `RewardServerError` if one is not finite and `DataError` for ids that the model cannot take."""
        logits = self.logits(batch)
        bad = [i for i, logit in enumerate(logits) if not math.isfinite(logit)]
        if bad:
            raise RewardServerError(f"The reward model gave {logits[bad[0]]} for item {bad[0]}; check its weights.", kind="not_finite")
        return logits

    def logits(self, batch: Sequence[list[int]]) -> list[float]:
        """As `score`, but a logit that is not finite is returned as it is: the caller must turn it into an error of that item."""
        for i, ids in enumerate(batch):
            if not ids or min(ids) < 0 or max(ids) >= self.vocabulary_size or len(ids) > self.context_length:
                fits = f"1 to {self.context_length} ids from 0 to {self.vocabulary_size - 1}"
                raise DataError(f"Item {i} ({len(ids)} ids) does not fit the model; give {fits}.")
        scores = [0.0] * len(batch)
        for chunk in chunks(batch, self._row_tokens):
            for i, score in zip(chunk, self._forward([batch[i] for i in chunk]), strict=True):
                scores[i] = score
        return scores

    @torch.inference_mode()
    def _forward(self, sequences: list[list[int]]) -> list[float]:
        states = self._tree.last_states(lay_out(sequences))
        return (states.float() @ self._head[0]).tolist()  # type: ignore[no-any-return]


def _load(folder: Path, dtype: DType) -> PreTrainedModel:
    if not (folder / "config.json").is_file():
        raise ConfigurationError(f"{folder} holds no config.json; give the folder of a reward model checkpoint.")
    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{folder} cannot be loaded as a sequence classifier ({explain(error)}); write it again.") from error
    _check(folder, config)
    return load_classifier(folder, dtype=getattr(torch, dtype), attn_implementation=ATTENTION)


def load_classifier(folder: Path, **options: Any) -> PreTrainedModel:
    """`AutoModelForSequenceClassification.from_pretrained`; raises `ConfigurationError`."""
    verbosity = logging.get_verbosity()
    # The zero score.bias of the contract, for which transformers' heads have no place, is not worth a warning at every start.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, loaded = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} cannot be loaded as a sequence classifier ({first}); write it again.") from error
    finally:
        logging.set_verbosity(verbosity)
    if loaded["missing_keys"]:
        absent = sorted(loaded["missing_keys"])
        raise ConfigurationError(f"{folder} lacks {len(absent)} weights of its model, {absent[0]} among them; write it again.")
    return model  # type: ignore[no-any-return]


def _check(folder: Path, config: PretrainedConfig) -> None:
    if not any(name.endswith("ForSequenceClassification") for name in config.architectures or []):
        raise ConfigurationError(f"{folder} holds {config.architectures}, not a sequence classifier; give a reward model.")
    if config.num_labels != 1:
        raise ConfigurationError(f"{folder} has {config.num_labels} labels; a reward model has one.")
    require_packable(folder, config)
    for shard in folder.glob("*.safetensors"):
        with safe_open(shard, framework="pt") as tensors:
            if "score.bias" in tensors.keys() and tensors.get_tensor("score.bias").any():  # noqa: SIM118
                raise ConfigurationError(f"{shard} has a score.bias that is not zero, which transformers ignores; set it to zero.")


def require_packable(folder: Path, config: PretrainedConfig) -> None:
    """Raise `ConfigurationError` if a model's attention is not plain causal attention, so that inputs cannot share a row."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if kinds != {"full_attention"} or rope in ("dynamic", "longrope") or getattr(config, "attn_logit_softcapping", None):
        raise ConfigurationError(f"{folder}: {config.model_type} with {kinds}, {rope} positions cannot be packed; serve it with SGLang.")

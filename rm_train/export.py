"""Write a reward model as the contract of `docs/design.md` says, so that every server gives the scores that training saw.

Beside the Hugging Face files: an explicit `score.bias` of zero (SGLang's head has a bias and would draw it at random), label names,
`code_reward.json` with the model's input, and `reference_scores.json` with fixed problems and their fp32 scores.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from code_reward.errors import ConfigurationError
from code_reward.files import replacing, replacing_folder, write_text
from code_reward.reference import Reference, ReferenceItem
from code_reward.rm_input import Encoded, RMInput
from reward_servers.scorer import Scorer

REFERENCE_ITEMS = 16


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rm_input: RMInput,
    examples: Sequence[tuple[str, str]],
    out: Path,
    *,
    state: dict[str, Tensor] | None = None,
    device: str = "cpu",
) -> None:
    """Write the checkpoint folder `out`.

    Args:
        model (`PreTrainedModel`): Its weights are written, unless `state` has others in their place.
        examples (`Sequence[tuple[str, str]]`): (statement, answer) texts, as `RMInput.encode` takes them, of which the first that
            fit become the reference scores.
        state (`dict[str, Tensor]`, *optional*): Weights by name, gathered from wherever they were.
        device (`str`, *optional*, defaults to `"cpu"`): Where the reference scores are computed, in fp32: 4 bytes of memory per parameter.
    """
    with replacing_folder(out) as folder:
        model.save_pretrained(folder, state_dict=state)
        tokenizer.save_pretrained(folder)
        add_zero_bias(folder)
        rm_input.save(folder)
        # By the very code that serves.
        score_references(rm_input, examples, Scorer(folder, device=device).score).save(folder)


def add_zero_bias(folder: Path) -> None:
    """Store `score.bias = 0` beside `score.weight`, in whichever shard holds it; raises `ConfigurationError` for one that is not zero."""
    for shard in sorted(folder.glob("*.safetensors")):
        with safe_open(shard, framework="pt") as names:
            keys = set(names.keys())
        if "score.weight" not in keys:
            continue
        tensors = load_file(shard)
        bias = tensors.setdefault("score.bias", tensors["score.weight"].new_zeros(tensors["score.weight"].shape[0]))
        if bias.any():
            raise ConfigurationError(f"{shard} has a score.bias that is not zero, which transformers ignores; set it to zero.")
        if "score.bias" not in keys:
            with replacing(shard) as temporary:
                save_file(tensors, temporary, metadata={"format": "pt"})
        _list_in_index(folder, shard)
        return
    raise ConfigurationError(f"{folder} holds no score.weight; give a sequence classification checkpoint in safetensors.")


def _list_in_index(folder: Path, shard: Path) -> None:
    path = folder / "model.safetensors.index.json"
    if path.is_file():
        index = json.loads(path.read_bytes())
        if index["weight_map"].setdefault("score.bias", shard.name) != shard.name:
            raise ConfigurationError(f"{path} looks for score.bias in another file than {shard.name}; correct it.")
        write_json(path, index)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file as Hugging Face does, if it is not already the same."""
    text = json.dumps(content, indent=2) + "\n"
    if not path.is_file() or json.loads(path.read_bytes()) != content:
        write_text(path, text)


def score_references(
    rm_input: RMInput, examples: Sequence[tuple[str, str]], score: Callable[[Sequence[list[int]]], list[float]]
) -> Reference:
    """The first of `examples` that fit, with their fp32 scores by `score`."""
    encoded = [(statement, answer, rm_input.encode(statement, answer)) for statement, answer in examples]
    fitting = [(statement, answer, ids.ids) for statement, answer, ids in encoded if isinstance(ids, Encoded)][:REFERENCE_ITEMS]
    if len(fitting) < 2:
        raise ConfigurationError("Fewer than two examples fit the model's input; raise max_tokens or give shorter examples.")
    scores = score([ids for _, _, ids in fitting])
    items = [
        ReferenceItem(statement=statement, answer=answer, ids=ids, score=value)
        for (statement, answer, ids), value in zip(fitting, scores, strict=True)
    ]
    return Reference(items=items)

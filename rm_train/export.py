"""Write a reward model as the contract of `docs/design.md` says, so that every server gives the scores that training saw.

Beside the Hugging Face files: an explicit `score.bias` of zero (SGLang's head has a bias and would draw it at random), label names,
`code_reward.json` with the model's input, and `reference_scores.json` with fixed problems and their fp32 scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from code_reward.errors import ConfigurationError
from code_reward.files import replacing, replacing_folder
from code_reward.reference import Reference, ReferenceItem
from code_reward.rm_input import Encoded, RMInput
from reward_servers.scorer import Scorer

REFERENCE_ITEMS = 16


def export(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rm_input: RMInput, examples: Sequence[tuple[str, str]], out: Path
) -> None:
    """Write the checkpoint folder `out`.

    Args:
        examples (`Sequence[tuple[str, str]]`): (statement, program) texts of which the first that fit become the reference scores.
    """
    with replacing_folder(out) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        add_zero_bias(folder)
        rm_input.save(folder)
        write_reference(folder, examples)


def add_zero_bias(folder: Path) -> None:
    """Store `score.bias = 0` beside `score.weight`, in whichever shard holds it."""
    for shard in sorted(folder.glob("*.safetensors")):
        tensors = load_file(shard)
        if "score.weight" in tensors:
            tensors["score.bias"] = tensors["score.weight"].new_zeros(tensors["score.weight"].shape[0])
            with replacing(shard) as temporary:
                save_file(tensors, temporary, metadata={"format": "pt"})
            return
    raise ConfigurationError(f"{folder} holds no score.weight; give a sequence classification checkpoint in safetensors.")


def write_reference(folder: Path, examples: Sequence[tuple[str, str]]) -> None:
    """Score `examples` in fp32 with the very code that serves, and write `reference_scores.json`."""
    rm_input = RMInput.load(folder)
    encoded = [(statement, answer, rm_input.encode(statement, answer)) for statement, answer in examples]
    fitting = [(statement, answer, ids) for statement, answer, ids in encoded if isinstance(ids, Encoded)][:REFERENCE_ITEMS]
    if len(fitting) < 2:
        raise ConfigurationError("Fewer than two examples fit the model's input; raise max_tokens or give shorter examples.")
    scores = Scorer(folder).score([ids.ids for _, _, ids in fitting])
    items = [
        ReferenceItem(statement=statement, answer=answer, ids=ids.ids, score=score)
        for (statement, answer, ids), score in zip(fitting, scores, strict=True)
    ]
    Reference(items=items).save(folder)

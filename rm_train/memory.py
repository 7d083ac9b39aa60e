"""How much memory the training of a reward model will take, by a formula: `python -m rm_train.memory` for the published sizes.

An estimate that is made before a GPU is asked for; for a model of yours `rm_train.preflight` prints it.

The parameters are counted on a model without memory (torch's meta device), built from a `config.json`; the rest follows from their number,
the precision and the layout. What it leaves out: fragments, kernels' workspaces, and what a driver keeps beyond `CONTEXT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError
from code_reward.folders import require_folder

GIB: Final = 1 << 30
CONTEXT: Final = 2.0 * GIB
"""CUDA's context, NCCL's buffers and the libraries' workspaces on one device; a common value, not measured here."""

FORMULA: Final = """\
per GPU, in bytes; P parameters that learn, F frozen ones, N GPUs, L layers, l parameters of a layer, e of the embeddings, t tokens of a
row, h width, q and k the widths of queries and of keys, f of the MLP, b bytes of a computing number (bfloat16: 2)
  states       (16 P + 4 F) / N, where sharded; else 16 P + b F    (weights, gradients and Adam's two moments in float32)
  gathered     2 (b + 4) l + (b + 4) e, where sharded (two layers in use with their gradients); else a cast of the weights that the
               backward pass still needs: b l recomputed, b (P + F) kept
  activations  t b (L h + x) recomputed, t b L x kept, where x = 8 h + 3 q + 4 k + 4 f is what one layer keeps inside
  context      2 GiB, a common value"""


PUBLISHED: Final[dict[str, dict[str, Any]]] = {
    "Qwen2.5-Coder-7B (CodeRM-NT)": {
        "model_type": "qwen2",
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
    },
    "Qwen3-8B (Skywork, CodeScaler)": {
        "model_type": "qwen3",
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
    },
    "GLM-4-9B-0414": {
        "model_type": "glm4",
        "hidden_size": 4096,
        "intermediate_size": 13696,
        "num_hidden_layers": 40,
        "num_attention_heads": 32,
        "num_key_value_heads": 2,
        "head_dim": 128,
        "vocab_size": 151552,
    },
}
"""The base models of the published reward models, by the numbers of their configurations."""


@dataclass(frozen=True)
class Shape:
    """What a model consists of, as far as memory goes; counts of parameters without a language model's head."""

    parameters: int
    layer: int
    embeddings: int
    layers: int
    width: int
    queries: int
    keys: int
    mlp: int


@dataclass(frozen=True)
class Estimate:
    """Bytes on each GPU."""

    states: float
    gathered: float
    activations: float
    context: float = CONTEXT

    @property
    def total(self) -> float:
        """All of them."""
        return self.states + self.gathered + self.activations + self.context


def shape_of(folder: Path) -> Shape:
    """Count a model's parameters without loading it; raises `ConfigurationError` for a folder whose `config.json` describes none."""
    from transformers import AutoConfig

    require_folder(folder, "a model")
    try:
        config = AutoConfig.from_pretrained(str(folder), num_labels=1, local_files_only=True)
        return shape_of_config(config)
    except (OSError, ValueError, AttributeError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigurationError(f"{folder} describes no model that can be counted ({first}); give a Hugging Face folder.") from error


def shape_of_config(config: Any) -> Shape:
    """The same from transformers' configuration."""
    import torch
    from transformers import AutoModelForSequenceClassification

    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(config)
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return Shape(
        parameters=sum(one.numel() for one in model.parameters()),
        layer=sum(one.numel() for one in model.base_model.layers[0].parameters()),
        embeddings=model.get_input_embeddings().weight.numel(),
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        queries=config.num_attention_heads * head_size,
        keys=config.num_key_value_heads * head_size,
        mlp=config.intermediate_size,
    )


def estimate(
    shape: Shape, *, gpus: int, shard: bool, row_tokens: int, recompute: bool = True, number: int = 2, frozen: int = 0
) -> Estimate:
    """Memory of one of `gpus` devices by `FORMULA`.

    Args:
        row_tokens: Tokens that pass through the model at once.
        number: Bytes of a number in matrix products.
        frozen: Parameters that keep their weights.
    """
    learning, sharded = shape.parameters - frozen, shard and gpus > 1
    states = (16 * learning + 4 * frozen) / gpus if sharded else 16 * learning + number * frozen
    cast = number * (shape.layer if recompute else shape.parameters) if number < 4 else 0
    gathered = (number + 4) * (2 * shape.layer + shape.embeddings) if sharded else cast
    inside = 8 * shape.width + 3 * shape.queries + 4 * shape.keys + 4 * shape.mlp
    kept = shape.layers * shape.width + inside if recompute else shape.layers * inside
    return Estimate(states, gathered, row_tokens * number * kept)


def table(estimates: dict[str, Estimate]) -> str:
    """Estimates as a Markdown table, in GiB."""
    lines = ["| GiB per GPU, an estimate | states | gathered | activations | context | together |", "|---|---|---|---|---|---|"]
    for name, one in estimates.items():
        figures = (one.states, one.gathered, one.activations, one.context, one.total)
        lines.append(f"| {name} | {' | '.join(f'{value / GIB:.1f}' for value in figures)} |")
    return "\n".join(lines)


class Memory(Command):
    """Estimate the memory of training the published sizes of reward models, per GPU, and print the formula."""

    gpus: int = Field(default=8, ge=1)
    """GPUs over which weights, gradients and optimizer are spread."""
    row_tokens: int = Field(default=16384, ge=64)
    """Tokens that pass through the model at once."""


def main(settings: Memory) -> None:
    """Print the table and the formula."""
    from transformers import AutoConfig

    estimates = {}
    for name, numbers in PUBLISHED.items():
        given = {key: value for key, value in numbers.items() if key != "model_type"}
        shape = shape_of_config(AutoConfig.for_model(numbers["model_type"], **given, num_labels=1))
        for shard in (True, False):
            row = f"{name}, {'sharded over' if shard else 'a copy on each of'} {settings.gpus}"
            estimates[row] = estimate(shape, gpus=settings.gpus, shard=shard, row_tokens=settings.row_tokens)
    print(table(estimates))
    print(FORMULA)


if __name__ == "__main__":
    run(Memory, main)

"""What the commands that train a reward model are told; light to import."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from code_reward.cli import Command
from rm_train.recipes import RECIPES, Recipe

Freeze = Literal["nothing", "embeddings", "body"]
Precision = Literal["auto", "float32", "bfloat16"]


class Training(Command):
    """What every training of a reward model has to know."""

    init: Path
    """Language model or reward model folder to start from, with its tokenizer."""
    out: Path
    """Folder for the reward model."""
    recipe: Recipe | None = None
    """Settings under a name, see docs/rm_training.md; an option that is given goes before its recipe's."""
    preset: str | None = None
    """How problem and answer become the model's input: default, generic, coderm-nt, codescaler, skywork, themis, or a plugin's; by default
    a reward model's own, else default."""
    epochs: float = Field(default=1.0, gt=0)
    """Passes over the data."""
    batch_size: int = Field(default=64, gt=0)
    """Pairs (or prefixes) per step, over all processes; how many pass through the model at once is the business of --row-tokens."""
    row_tokens: int | None = Field(default=None, ge=64)
    """Tokens that pass through the model at once in a process: 4096 on a CPU, 16384 on CUDA. Changes speed and memory, not what is
    learnt: a step has the same examples."""
    learning_rate: float = Field(default=1e-5, ge=0)
    """Peak learning rate; for a model from scratch far more, see --recipe tiny."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the learning rate rises; then it falls along a cosine."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decoupled weight decay."""
    adam_beta2: float = Field(default=0.999, gt=0, lt=1)
    """Decay of Adam's second moment; in runs of some hundred steps 0.99 settles in time."""
    dtype: Precision = "auto"
    """What matrices are multiplied in; weights that are trained, and the head, are float32 whatever this is. auto: bfloat16 where the
    processor has it and the model is large enough to gain."""
    lora: int = Field(default=0, ge=0)
    """Rank of adapters to train in the place of the weights (LoRA); they are merged at the end. 0: no adapters."""
    freeze: Freeze = "nothing"
    """What keeps its weights: the embeddings, or the whole body, so that only the head learns."""
    recompute: bool | None = None
    """Compute each layer's inside again in the backward pass in the place of keeping it; by default where the model is large."""
    shard: bool = False
    """Spread weights, gradients and optimizer over all processes (FSDP2) in the place of a copy on each."""
    valid: Path | None = None
    """Labelled programs of other problems: measured as training goes on, and the best checkpoint is what --out becomes."""
    valid_steps: int = Field(default=50, gt=0)
    """Steps between measurements."""
    patience: int | None = Field(default=None, gt=0)
    """Stop after so many measurements without a better one."""
    report_to: Literal["tensorboard", "wandb"] | None = None
    """Where the log goes beside the checkpoint's own."""
    save_steps: int = Field(default=500, gt=0)
    """Steps between checkpoints."""
    cache: Path | None = None
    """Folder for the encoded data, to be shared by runs; by default beside the checkpoints, and gone with them."""
    extra_layers: int = Field(default=0, ge=0)
    """Layers to put on top of --init, which at first change nothing; worth it where the model is small."""
    seed: int = 0
    """Seed of the head and of the order."""

    @model_validator(mode="before")
    @classmethod
    def _follow_recipe(cls, given: Any) -> Any:
        recipe = RECIPES.get(str(given.get("recipe"))) if isinstance(given, dict) else None
        return {**{name: value for name, value in recipe.items() if name in cls.model_fields}, **given} if recipe else given

    @model_validator(mode="after")
    def _learn_something(self) -> Training:
        if self.lora and self.freeze == "body":
            raise ValueError("--lora trains adapters in the body, which --freeze body keeps as it is; give one of them")
        return self


class Train(Training):
    """Train a reward model with the Bradley-Terry loss."""

    pairs: Path
    """Preference pairs (JSONL or parquet)."""
    centring: float = Field(default=0.0, ge=0)
    """Weight of the squared sum of a pair's scores, which keeps scores about 0."""


class Regress(Training):
    """Train a reward model to give prefixes of programs their value (mean squared error)."""

    prefixes: Path
    """Prefix rows (JSONL or parquet)."""

"""Whether the model arguments describe the checkpoint, and where training would begin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError
from code_reward_slime.preflight.row import Row, failed, ok
from code_reward_slime.preflight.train_arguments import TrainArguments

MATCHES = {
    "num_hidden_layers": "--num-layers",
    "hidden_size": "--hidden-size",
    "intermediate_size": "--ffn-hidden-size",
    "num_attention_heads": "--num-attention-heads",
    "vocab_size": "--vocab-size",
}
"""Of a checkpoint's config.json, which must equal which model argument."""

TRACKER = "latest_checkpointed_iteration.txt"
READ_AS_THEY_ARE = ("glm4", "llama", "qwen2", "qwen3")
"""Architectures whose Hugging Face folder slime reads without conversion, of those that this project trains."""


def check_checkpoint(arguments: TrainArguments) -> Iterator[Row]:
    """A row for `--hf-checkpoint` and one for where training begins."""
    name = arguments.one("--hf-checkpoint")
    if name is None:
        return
    config = read_config(Path(name))
    differences = list(_differences(config, arguments))
    if differences:
        yield failed("checkpoint", f"{name}: {'; '.join(differences)}; source the model arguments that belong to it.")
    else:
        yield ok("checkpoint", f"{name} is the {config.get('model_type')} that the model arguments describe")
    yield _start(arguments, config)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a Hugging Face folder; raises `ConfigurationError` if it is not there."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} does not exist; download it there: hf download NAME --local-dir {folder}.")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{folder} is no Hugging Face checkpoint ({error}); download it again.") from error
    return dict(config.get("text_config", config))


def rotary_base(config: dict[str, Any]) -> float | None:
    """The base of the rotary embedding, which has stood in two places of config.json."""
    value = (config.get("rope_parameters") or {}).get("rope_theta", config.get("rope_theta"))
    return None if value is None else float(value)


def _differences(config: dict[str, Any], arguments: TrainArguments) -> Iterator[str]:
    for key, option in MATCHES.items():
        if key in config and arguments.has(option) and config[key] != arguments.number(option):
            yield f"{option} is {arguments.one(option)}, {key} is {config[key]}"
    base, given = rotary_base(config), float(arguments.one("--rotary-base") or 10000)
    if base is not None and base != given:
        yield f"--rotary-base is {given:g}, the checkpoint's is {base:g}"
    if bool(config.get("tie_word_embeddings")) == arguments.has("--untie-embeddings-and-output-weights"):
        yield f"tie_word_embeddings is {config.get('tie_word_embeddings')}, --untie-embeddings-and-output-weights says otherwise"


def _start(arguments: TrainArguments, config: dict[str, Any]) -> Row:
    load, reference = arguments.one("--load"), arguments.one("--ref-load")
    if load is not None and (tracker := Path(load) / TRACKER).exists():
        return ok("start", f"goes on from {load}, iteration {tracker.read_text().strip()}")
    for folder in filter(None, (load, reference)):
        if (Path(folder) / TRACKER).exists():
            return ok("start", f"begins with the weights of {folder}")
        if (Path(folder) / "config.json").exists():
            if config.get("model_type") in READ_AS_THEY_ARE:
                return ok("start", f"begins with the weights of {folder}, read without conversion")
            return failed("start", f"slime cannot read {folder} as it is; convert it with slime's tools/convert_hf_to_torch_dist.py.")
    return failed("start", f"Neither --load {load} nor --ref-load {reference} holds weights; give a Hugging Face folder as --ref-load.")

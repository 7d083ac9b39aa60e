"""The work behind `python -m rm_train.adopt`: what a published reward model lacks is added, in an order that leaves no half-adopted folder.

The reference scores come from plain transformers, one sequence at a time: they are the judge of every server, packed ones included.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from code_reward import reference, rm_input
from code_reward.errors import ConfigurationError
from code_reward.files import replacing_folder
from code_reward.folders import read_config
from code_reward.reference import Reference, require_equal
from code_reward.rm_input import PRESETS, RMInput, RMInputSettings
from code_reward.serving import fit_context
from reward_servers.scorer import load_classifier
from rm_train.export import add_zero_bias, score_references, write_json
from rm_train.specimens import SPECIMENS


def adopt(model: Path, preset: str, out: Path | None = None, device: str = "cpu") -> str:
    """Make `model` (or a copy of it at `out`) a reward model checkpoint of ours; says what was done.

    Raises:
        `ConfigurationError`: The folder is no sequence classifier with one label, or is one of ours with another input.
        `RewardServerError`: It was adopted before, and its weights no longer give its reference scores.
    """
    config = _read_config(model)
    settings = fit_context(PRESETS.get(preset), model)
    if out is None or out.resolve() == model.resolve():
        return _adopt(model, config, settings, device)
    if out.exists():
        _require_same_weights(model, out)
        return _adopt(out, config, settings, device)
    with replacing_folder(out) as folder:
        shutil.copytree(model, folder, dirs_exist_ok=True, copy_function=_link_or_copy)
        _adopt(folder, config, settings, device)
    return f"adopted as {out}"


def _adopt(folder: Path, config: dict[str, Any], settings: RMInputSettings, device: str) -> str:
    _require_same_input(folder, settings)
    judge = RMInput.load(folder, settings)
    add_zero_bias(folder)
    # SGLang normalises the hidden state of a classifier without label names.
    names = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}, "num_labels": 1}
    write_json(folder / "config.json", {**names, **config})
    examples = [(statement, program if settings.part == "code" else answer) for statement, answer, program in SPECIMENS]
    scored = score_references(judge, examples, lambda batch: score_plainly(folder, batch, device))
    if (folder / reference.FILE).is_file():
        known = Reference.load(folder)
        if [item.ids for item in known.items] != [item.ids for item in scored.items]:
            raise ConfigurationError(f"{folder / reference.FILE} is of another model or input; remove it to adopt this one.")
        require_equal(known, [item.score for item in scored.items], "float32", str(folder))
        judge.save(folder)
        return f"{folder} is adopted already; its reference scores are right"
    judge.save(folder)
    scored.save(folder)
    return f"adopted {folder}"


def score_plainly(folder: Path, batch: Sequence[list[int]], device: str = "cpu") -> list[float]:
    """fp32 logits by plain transformers: each sequence alone, the head on its last token."""
    model = load_classifier(folder, dtype=torch.float32).to(device).eval()
    with torch.inference_mode():
        shown = track(batch, "reference scores", console=Console(stderr=True), transient=True)
        states = [model.base_model(torch.tensor([ids], device=device), use_cache=False).last_hidden_state[0, -1] for ids in shown]
        return [float(state @ model.score.weight[0]) for state in states]


def _read_config(folder: Path) -> dict[str, Any]:
    config = read_config(folder, "a reward model")
    architectures = config.get("architectures") or []
    if not any(name.endswith("ForSequenceClassification") for name in architectures):
        raise ConfigurationError(f"{folder} holds {architectures}, not a sequence classifier; give a scalar reward model.")
    labels = len(config.get("id2label") or {}) or config.get("num_labels", 2)
    if labels != 1:
        raise ConfigurationError(f"{folder} has {labels} labels; a reward model has one.")
    return config


def _require_same_input(folder: Path, settings: RMInputSettings) -> None:
    path = folder / rm_input.FILE
    if path.is_file() and RMInput.load(folder).settings != settings:
        raise ConfigurationError(f"{path} says another input than this preset; keep it, or remove it and {reference.FILE} to adopt anew.")


def _require_same_weights(model: Path, out: Path) -> None:
    shards = sorted(path.name for path in model.glob("*.safetensors"))
    if shards != sorted(path.name for path in out.glob("*.safetensors")):
        raise ConfigurationError(f"{out} exists and holds another model; remove it or choose another --out.")


def _link_or_copy(source: str, target: str) -> None:
    try:
        # A hub's cache holds links to blobs.
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)

"""A command of slime's train.py that the preflight has nothing against, with the files that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

TASK = {
    "id": "p1",
    "statement": "Write a function `f` that returns 1.",
    "entry_point": "f",
    "starter_code": "",
    "tests": [{"kind": "asserts", "code": "assert f() == 1"}],
    "source": "made",
}
CONFIG = {
    "model_type": "qwen3",
    "architectures": ["Qwen3ForCausalLM"],
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 2048,
    "rope_theta": 5000000,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
}


def prompt_row(**metadata: Any) -> dict[str, Any]:
    """A row of prompt data; None removes a key of the metadata."""
    described = {key: value for key, value in {**TASK, **metadata}.items() if value is not None}
    return {"prompt": [{"role": "user", "content": TASK["statement"]}], "label": "", "metadata": described}


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_command(folder: Path, settings: dict[str, Any]) -> dict[str, list[str]]:
    """Options of train.py with their values; the checkpoint is a config with a scrap of weights, `settings` the hooks' custom config."""
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text(json.dumps(CONFIG))
    (checkpoint / "model.safetensors").write_bytes(b"\0" * 1000)
    (folder / "code_reward.yaml").write_text(yaml.safe_dump(settings))
    rows = write_rows(folder / "prompts.jsonl", prompt_row(), prompt_row(id="p2"))
    held_out = {"name": "held_out", "path": str(rows), "custom_rm_path": "code_reward_slime.rewards.unit_test_reward"}
    (folder / "eval.yaml").write_text(yaml.safe_dump({"eval": {"defaults": {"top_p": 0.7}, "datasets": [held_out]}}))
    return {
        "--actor-num-nodes": ["1"],
        "--actor-num-gpus-per-node": ["4"],
        "--rollout-num-gpus": ["4"],
        "--rollout-num-gpus-per-engine": ["2"],
        "--tensor-model-parallel-size": ["2"],
        "--num-layers": ["2"],
        "--hidden-size": ["64"],
        "--ffn-hidden-size": ["160"],
        "--num-attention-heads": ["4"],
        "--vocab-size": ["2048"],
        "--rotary-base": ["5000000"],
        "--hf-checkpoint": [str(checkpoint)],
        "--ref-load": [str(checkpoint)],
        "--load": [str(folder / "saved")],
        "--save": [str(folder / "saved")],
        "--save-interval": ["10"],
        "--prompt-data": [str(rows)],
        "--input-key": ["prompt"],
        "--label-key": ["label"],
        "--apply-chat-template": [],
        "--rollout-batch-size": ["8"],
        "--n-samples-per-prompt": ["4"],
        "--global-batch-size": ["32"],
        "--num-rollout": ["2"],
        "--eval-interval": ["10"],
        "--eval-config": [str(folder / "eval.yaml")],
        "--custom-config-path": [str(folder / "code_reward.yaml")],
        "--custom-rm-path": ["code_reward_slime.rewards.model_reward"],
        "--custom-reward-post-process-path": ["code_reward_slime.post_process.group_advantages"],
        "--custom-eval-rollout-log-function-path": ["code_reward_slime.rollout_log.log_eval"],
    }


def words(options: dict[str, list[str] | None]) -> list[str]:
    """As on a command line; an option whose value is None is left out."""
    return [word for option, values in options.items() if values is not None for word in (option, *values)]

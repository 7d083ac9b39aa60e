"""Settings of published runs, and of our own, under a name: `--recipe`.

What is published is said at each value; the rest is our choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

Recipe = Literal["coderm-nt-1", "coderm-nt-2", "codescaler", "tiny"]

_CODERM_NT: Final[Mapping[str, Any]] = {
    "preset": "coderm-nt",  # Published: chat template, what follows the reasoning, 2,048 tokens.
    "epochs": 2.0,  # Published.
    "batch_size": 128,  # Published: 8 x 2 x 8 GPUs.
    "warmup": 0.03,  # Published, with a cosine.
    "weight_decay": 0.0,  # Published, by not being set.
    "valid_steps": 50,  # Published.
    "dtype": "bfloat16",  # Published.
    "recompute": True,  # Published.
    "save_steps": 200,  # Ours.
}

RECIPES: Final[Mapping[str, Mapping[str, Any]]] = {
    # CodeRM-NT (Xia et al., Findings of ACL 2026), Qwen2.5-Coder-7B-Instruct: prefixes, then pairs from what that leaves.
    "coderm-nt-1": {**_CODERM_NT, "learning_rate": 1e-6},  # Published.
    "coderm-nt-2": {**_CODERM_NT, "learning_rate": 5e-7},  # Published.
    # CodeScaler starts from Skywork-Reward-V2-Qwen3-8B and publishes no hyperparameters: all of these are ours, in the range of runs alike.
    "codescaler": {
        "epochs": 1.0,
        "batch_size": 128,
        "learning_rate": 2e-6,
        "warmup": 0.03,
        "weight_decay": 0.0,
        "dtype": "bfloat16",
        "recompute": True,
        "save_steps": 100,
    },
    # Models from scratch, of a million parameters: ours, measured with the quickstart.
    "tiny": {"learning_rate": 5e-4, "batch_size": 64, "dtype": "float32", "recompute": False},
}
"""`codescaler` names no preset: the reward model that it starts from brings its own input."""

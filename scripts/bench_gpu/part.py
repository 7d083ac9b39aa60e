"""One part in a process of its own: `python -m scripts.bench_gpu.part PART FOLDER [tiny]`; its figures as JSON on the last line."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from code_reward.errors import CodeRewardError

PARTS = {
    "attention": ("attention", "4b"),
    "step": ("step", "4b"),
    "export": ("exporting", "1.7b"),
    "serving-1.7b": ("serving", "1.7b"),
    "serving-4b": ("serving", "4b"),
}
"""The module that measures a part, and the size of its model."""


def main(part: str, folder: str, size: str = "") -> None:
    """Measure and print."""
    import torch

    if not size and not torch.cuda.is_available():
        raise CodeRewardError("there is no GPU here; --tiny tries the command on a CPU")
    module, true_size = PARTS[part]
    print(json.dumps(importlib.import_module(f"scripts.bench_gpu.{module}").measure(size or true_size, Path(folder))))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (CodeRewardError, RuntimeError) as error:  # Memory that is not there is a RuntimeError of torch's.
        sys.exit(str(error).partition("\n")[0])

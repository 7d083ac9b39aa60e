"""What a bfloat16 export of float32 weights changes in the scores that training saw, at the size of a 1.7B model.

Training's scores are those of float32 weights with bfloat16 products; the export stores bfloat16, and a server computes in bfloat16 with a
float32 head.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from code_reward.reference import TOLERANCES
from reward_servers.scorer import Scorer
from rm_train.layout import lay
from rm_train.masks import SDPA
from rm_train.model import RewardModel
from scripts.bench_gpu.models import build, problems, save


def measure(size: str, folder: Path) -> dict[str, Any]:
    """Largest and mean difference of scores, and the share of pairs of inputs in the same order."""
    model = RewardModel(build(size, SDPA, torch.float32)).eval()
    device = model.classifier.device
    data = problems(2, 8, size == "tiny")
    trained: list[float] = []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for inputs in data:
            row = lay(inputs)
            arrays = {"input_ids": row.ids[None], "position_ids": row.positions[None], "until": row.until, "ends": row.ends}
            trained += model(**{name: torch.from_numpy(array.astype(np.int64)).to(device) for name, array in arrays.items()}).tolist()
    exported = save(model.classifier.to(torch.bfloat16), folder / "export")
    served = Scorer(exported, dtype="bfloat16", device=str(device)).score([ids.tolist() for inputs in data for ids in inputs])
    shutil.rmtree(exported, ignore_errors=True)
    a, b = np.array(trained), np.array(served)
    upper = np.triu_indices(len(a), 1)
    same = np.sign(a[:, None] - a)[upper] == np.sign(b[:, None] - b)[upper]
    return {
        "inputs": len(a),
        "scores_spread": float(a.std()),
        "largest_difference": float(np.abs(a - b).max()),
        "mean_difference": float(np.abs(a - b).mean()),
        "pairs_in_the_same_order": float(same.mean()),
        "tolerance_of_bfloat16": TOLERANCES["bfloat16"],
    }

"""In the place of slime's train.py where there is none: takes the GPUs that it is told to, and records what every rank sees.

It needs Ray and nothing of slime. As slime does, it saves after every rollout and goes on after the last one that was saved.
"""

import json
import os
import sys
import time
from pathlib import Path

import ray


def value(option: str) -> str:
    return sys.argv[sys.argv.index(option) + 1]


@ray.remote(num_gpus=1, num_cpus=0)
class Rank:
    def see(self) -> dict[str, object]:
        names = ("PYTHONPATH", "CUDA_DEVICE_MAX_CONNECTIONS", "SLURM_JOB_ID", "SLURMD_NODENAME")
        return {"node": ray.get_runtime_context().get_node_id(), **{name: os.environ.get(name) for name in names}}


def main() -> None:
    ray.init()
    save = Path(value("--save"))
    save.mkdir(parents=True, exist_ok=True)
    ranks = [Rank.remote() for _ in range(int(value("--actor-num-nodes")) * int(value("--actor-num-gpus-per-node")))]
    seen = ray.get([rank.see.remote() for rank in ranks], timeout=120)
    tracker = save / "latest_checkpointed_iteration.txt"
    first = int(tracker.read_text()) + 1 if tracker.exists() else 0
    with (save / "turns.jsonl").open("a") as lines:
        lines.write(json.dumps({"argv": sys.argv, "first": first, "ranks": seen}) + "\n")
    for rollout in range(first, int(value("--num-rollout"))):
        time.sleep(1)
        beside = tracker.with_suffix(".new")
        beside.write_text(str(rollout))
        beside.replace(tracker)  # A run that is killed leaves a whole number.


if __name__ == "__main__":
    main()

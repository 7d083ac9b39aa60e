"""The options with which slime, Megatron and SGLang do without a GPU; `python -m slime_on_cpu.flags` prints them, a shell's word per line.

All are official. What follows them on a command line overrides them.
"""

from __future__ import annotations

import json

from code_reward.cli import Command, run
from slime_on_cpu.shims import TRAINS

TRAINING = (
    *("--distributed-backend", "gloo"),
    *("--spec", "slime_on_cpu.layer_spec", "get_spec"),
    *("--transformer-impl", "local"),
    "--use-cpu-initialization",
    "--no-gradient-accumulation-fusion",
    "--no-masked-softmax-fusion",
    "--no-bias-swiglu-fusion",
    "--no-bias-dropout-fusion",
    "--no-rope-fusion",
    "--no-persist-layer-norm",
    "--accumulate-allreduce-grads-in-fp32",
    "--attention-softmax-in-fp32",
    *("--attention-dropout", "0.0"),
    *("--hidden-dropout", "0.0"),
    *("--train-env-vars", json.dumps({TRAINS: "1"}, separators=(",", ":"))),
)
"""Megatron's, for the actors that train."""

ENGINES = (
    *("--sglang-device", "cpu"),
    *("--sglang-attention-backend", "torch_native"),
    "--sglang-disable-overlap-schedule",
    # An engine that has nothing to do would keep a core busy, which the others and Megatron need.
    "--sglang-sleep-on-idle",
    *("--sglang-dtype", "float32"),
    *("--sglang-mem-fraction-static", "0.1"),
    *("--sglang-max-total-tokens", "16384"),
    *("--sglang-max-running-requests", "16"),
    *("--sglang-server-concurrency", "16"),
)
"""SGLang's, for every engine that slime starts. In a server group of `--sglang-config` add `base_gpu_id: 0` to the overrides: SGLang
takes the number of a GPU for that of a NUMA node."""


class Flags(Command):
    """Print the options with which slime, Megatron and SGLang run on CPU, a word per line, for `mapfile -t`."""


def main(settings: Flags) -> None:
    """Print them."""
    print("\n".join((*TRAINING, *ENGINES)))


if __name__ == "__main__":
    run(Flags, main)

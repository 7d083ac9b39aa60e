"""The process that slime's training script runs in, with a Ray of its own that ends with it, also when it is killed.

Ray is told of GPUs that are not there, as many as a node has, and of more CPUs than there are: slime gives each engine and actor
one of both.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
from pathlib import Path

from slime_on_cpu.shims import TRAINS

PR_SET_PDEATHSIG = 1
GPUS = 8
CPUS = 64
OBJECT_STORE_BYTES = 512 << 20
# A loopback address that Ray does not know for one: it would take the machine's own instead, and with it slime's engines would be open to
# the network.
NODE = "127.0.0.2"


def main(scratch: str, script: str, *flags: str) -> None:
    """Run `script` as Python would, with Ray's files in `scratch`."""
    import ray

    # However the launcher ends, this process ends with it, and Ray with this process.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    resources = {"num_gpus": GPUS, "num_cpus": CPUS, "object_store_memory": OBJECT_STORE_BYTES}
    ray.init(include_dashboard=False, _temp_dir=scratch, _node_ip_address=NODE, **resources)
    # Only now: Ray's children inherit the rest of the environment. slime's driver checks Megatron's arguments, which asks for CUDA.
    os.environ[TRAINS] = "1"
    sys.argv = [script, *flags]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])

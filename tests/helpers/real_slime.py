"""Where the real slime, Megatron-LM, SGLang and Ray are, for tests that run them in a process of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-integration" / "bin" / "python"
ON_CPU = [ROOT / "slime_plugins" / "slime_on_cpu" / "path"]


def environment(*more: Path) -> dict[str, str]:
    """What a process needs to import all of them on CPU; the test is skipped, with the reason, where something is missing."""
    roots = [os.environ.get(name) for name in ("SLIME_ROOT", "MEGATRON_ROOT")]
    if not all(roots):
        pytest.skip("set SLIME_ROOT and MEGATRON_ROOT to checkouts of slime and Megatron-LM to run this test")
    if not PYTHON.exists():
        pytest.skip("make install-integration makes the environment that this test runs in")
    paths = [*ON_CPU, *map(Path, filter(None, roots)), ROOT, ROOT / "slime_plugins", *more]
    return {
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")},
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PATH": os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]]),
        "SGLANG_USE_CPU_ENGINE": "1",
        "CUDA_DEVICE_MAX_CONNECTIONS": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

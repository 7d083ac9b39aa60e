"""Check what a training of a reward model needs before any GPU is taken: `python -m rm_train.preflight`.

Data, model, disk, this machine's memory, the GPUs' memory; each with what there is and what is needed. The figures for memory and disk are
estimates (`rm_train.memory`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from code_reward.checkpoint_tokenizer import read_tokenizer
from code_reward.cli import run
from code_reward.errors import CodeRewardError, ConfigurationError
from rm_train.settings import Training

if TYPE_CHECKING:
    from rm_train.memory import Shape

GIB = 1 << 30
GPUS_OF_A_NODE = 8
CHECKPOINTS = 3
"""The last one, the best one, and the one that is being written."""


class Preflight(Training):
    """Say whether a reward model can be trained with these data, on this disk, in this memory. Ends with status 2 if not.

    It takes the options of the training itself, and reads those that memory and data depend on.
    """

    pairs: Path | None = None
    """Preference pairs, as for rm_train.train."""
    prefixes: Path | None = None
    """Prefixes, as for rm_train.regress."""
    centring: float = Field(default=0.0, ge=0)
    """As for rm_train.train."""
    gpus: int = Field(default=8, ge=1)
    """Processes, each with a GPU, over all nodes."""
    gpu_gib: float | None = Field(default=None, gt=0)
    """Memory of a GPU; this machine's own by default."""
    estimate_only: bool = False
    """Print the estimate and its formula, and check nothing."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    what: str
    good: bool
    said: str


def main(settings: Preflight) -> int:
    """Print the estimate, its formula, and the findings; 2 if one of them is bad."""
    from rm_train.memory import FORMULA, estimate, shape_of, table
    from rm_train.plan import ROW_TOKENS

    shape = shape_of(settings.init)
    sharded = settings.shard and settings.gpus > 1
    needed = estimate(
        shape,
        gpus=settings.gpus,
        shard=sharded,
        row_tokens=settings.row_tokens or ROW_TOKENS["cuda"],
        recompute=settings.recompute is not False,
        number=4 if settings.dtype == "float32" else 2,
        frozen=_frozen(settings, shape),
    )
    print(table({f"{shape.parameters / 1e9:.2f}B on {settings.gpus} GPUs, {'sharded' if sharded else 'a copy on each'}": needed}))
    print(FORMULA)
    if settings.estimate_only:
        return 0
    findings = [*_findings(settings, shape, needed.total)]
    for finding in findings:
        print(f"{'ok  ' if finding.good else 'FAIL'} {finding.what}: {finding.said}")
    return 0 if all(finding.good for finding in findings) else 2


def _findings(settings: Preflight, shape: Shape, gpu_bytes: float) -> Iterator[Finding]:
    learning = shape.parameters - _frozen(settings, shape)
    # Without shards every process of a node reads the weights as they are stored.
    read = 2 * shape.parameters * (1 if settings.shard else min(settings.gpus, GPUS_OF_A_NODE))
    yield _data(settings)
    if settings.valid is not None:
        yield _valid(settings.valid)
    yield _weights(settings.init)
    yield _disk(settings.out, 12 * learning * CHECKPOINTS + 2 * shape.parameters)
    yield _memory(max(6 * shape.parameters, read))
    yield _gpu(settings.gpu_gib, gpu_bytes)


def _frozen(settings: Preflight, shape: Shape) -> int:
    """Parameters that keep their weights. Adapters are few beside them, and not counted."""
    if settings.lora or settings.freeze == "body":
        return shape.parameters
    return shape.embeddings if settings.freeze == "embeddings" else 0


def _valid(path: Path) -> Finding:
    from code_reward.reward_data import LabelledProgram
    from code_reward.rows import read_rows

    try:
        rows = read_rows(path, LabelledProgram)
    except CodeRewardError as error:
        return Finding("validation", good=False, said=str(error))
    right = sum(row.passed for row in rows)
    good = 0 < right < len(rows)
    return Finding("validation", good=good, said=f"{len(rows)} programs, {right} of them right, in {path}")


def _data(settings: Preflight) -> Finding:
    from code_reward.reward_data import Pair, Prefix
    from code_reward.rows import read_rows

    if (settings.pairs is None) == (settings.prefixes is None):
        raise ConfigurationError("Give either --pairs or --prefixes.")
    try:
        rows = read_rows(settings.pairs, Pair) if settings.pairs else read_rows(settings.prefixes or Path(), Prefix)
    except CodeRewardError as error:
        return Finding("data", good=False, said=str(error))
    problems = len({row.problem_id for row in rows})
    return Finding("data", good=bool(rows), said=f"{len(rows)} rows of {problems} problems in {settings.pairs or settings.prefixes}")


def _weights(init: Path) -> Finding:
    found = sum(path.stat().st_size for path in init.glob("*.safetensors"))
    said = f"{found / GIB:.1f} GiB of weights in {init}" if found else f"{init} has no *.safetensors; fetch them"
    try:
        read_tokenizer(init)
    except ConfigurationError as error:
        return Finding("model", good=False, said=str(error))
    return Finding("model", good=bool(found), said=said)


def _disk(out: Path, needed: int) -> Finding:
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    said = f"{free / GIB:.0f} GiB free at {there}, {needed / GIB:.0f} GiB needed for {CHECKPOINTS} checkpoints and the model"
    return Finding("disk", good=writable and free > needed, said=said if writable else f"{there} cannot be written; name another --out")


def _memory(needed: int) -> Finding:
    available = _available()
    said = f"{available / GIB:.0f} GiB available, {needed / GIB:.0f} GiB needed by the process that reads the weights and exports"
    return Finding("memory", good=available > needed, said=said)


def _available() -> int:
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def _gpu(given: float | None, needed: float) -> Finding:
    import torch

    has = given * GIB if given else torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None
    if has is None:
        return Finding("GPU", good=True, said=f"none here to ask, {needed / GIB:.0f} GiB needed on each (an estimate)")
    said = f"{has / GIB:.0f} GiB, {needed / GIB:.0f} GiB needed on each (an estimate)"
    return Finding("GPU", good=has > needed, said=said if has > needed else f"{said}; use --shard, more GPUs, or fewer --row-tokens")


if __name__ == "__main__":
    run(Preflight, main)

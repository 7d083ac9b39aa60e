"""Answers per second of a served reward model: SGLang asked by our client, against one forward pass per answer.

The second is what CodeRM-NT's reward server does with an answer, without its HTTP, which is to its advantage. Both score the same answers,
groups for the same problems as reinforcement learning samples them.
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from code_reward.errors import CodeRewardError
from code_reward.rm_input import Encoded, RMInput
from code_reward.verdict import Scored
from reward_servers.scorer import load_classifier
from scripts.bench_gpu.clock import seconds_of
from scripts.bench_gpu.models import build, save

ROUNDS = 3


def measure(size: str, folder: Path) -> dict[str, Any]:
    """Figures for groups of 8 answers to 32 problems (tiny: 2)."""
    if importlib.util.find_spec("sglang") is None:
        raise CodeRewardError(f"{sys.executable} has no SGLang; run this with the Python of an environment that has it")
    tiny = size == "tiny"
    groups = [_group(number) for number in range(2 if tiny else 32)]
    answers = [answer for group in groups for answer in group]
    rm = save(build(size, "sdpa", torch.float32 if tiny else torch.bfloat16), folder / size)
    try:
        rm_input = RMInput.load(rm)
        encoded = [rm_input.build(*answer) for answer in answers]
        ids = [one.ids for one in encoded if isinstance(one, Encoded)]
        with _sglang(rm, folder, tiny) as url:
            ours = asyncio.run(_ask(rm, url, answers, tiny))
        theirs = _one_by_one(rm, ids, tiny)
    finally:
        shutil.rmtree(rm, ignore_errors=True)
    return {
        "answers": len(answers),
        "tokens": sum(map(len, ids)),
        "our_client_answers_per_s": len(answers) / ours,
        "one_by_one_answers_per_s": len(ids) / theirs,
        "ours_over_one_by_one": theirs / ours,
    }


def _group(number: int) -> list[tuple[str, str, str]]:
    """(statement, response, entry point) of eight answers, whose first lines are alike."""
    name = f"combine_{number}"
    statement = f"Write a function {name}(values) that adds up the products of neighbours in a list, {number} times. " * 8
    return [(statement, f"```python\n{_program(name, number, variant)}\n```", name) for variant in range(8)]


def _program(name: str, number: int, variant: int) -> str:
    lines = [f"def {name}(values):", f"    total = {number}"]
    lines += [f"    for first, second in zip(values, values[1:]):  # pass {step}\n        total += first * second" for step in range(4)]
    lines += [f"    total = total * {variant + step} - {step}" for step in range(8)]
    return "\n".join([*lines, "    return total"])


@contextmanager
def _sglang(rm: Path, folder: Path, tiny: bool) -> Iterator[str]:
    """Our launcher, which checks the reference scores before it says that it is ready."""
    command = [sys.executable, "-m", "reward_servers.sglang_server", "--model", str(rm), "--logs", str(folder / "logs")]
    command += ["--device", "cpu", "--dtype", "float32"] if tiny else ["--option=--mem-fraction-static=0.4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            if not line.startswith("ready "):
                raise CodeRewardError((process.stderr.read().strip().splitlines() or ["SGLang did not start"])[-1])
            yield line.split()[1]
        finally:
            process.terminate()
            process.communicate()


async def _ask(rm: Path, url: str, answers: list[tuple[str, str, str]], tiny: bool) -> float:
    """Seconds for all answers at once, the shortest of some rounds after one that warms up."""
    from reward_servers.client import ClientSettings, RewardClient

    times = []
    async with RewardClient(rm, [url], settings=ClientSettings(cache_items=0, dtype="float32" if tiny else "bfloat16")) as client:
        for _ in range(ROUNDS + 1):
            began = perf_counter()
            judged = await client.verdicts(answers)
            times.append(perf_counter() - began)
            if not all(isinstance(one.verdict, Scored) for one in judged):
                raise CodeRewardError("not every answer got a score")
    return min(times[1:])


def _one_by_one(rm: Path, inputs: list[list[int]], tiny: bool) -> float:
    """Seconds for one forward pass after another."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_classifier(rm, dtype=torch.float32 if tiny else torch.bfloat16).to(device).eval()

    def score() -> None:
        with torch.inference_mode():
            for ids in inputs:
                float(model(torch.tensor([ids], device=device)).logits)

    return seconds_of(score, ROUNDS)

"""Rollouts of a run that never was, of any size: a policy whose reward is the syntax check alone, and who finds that out."""

from __future__ import annotations

import json
import random
from pathlib import Path

EVEN = """
    total = 0
    for x in numbers:
        if x % 2 == 0:
            total += x
    return total"""
LAST = """
    if not numbers:
        return 0
    return numbers[-1]"""
FAMILIES = {
    "sums": ("returns the sum of the even numbers", EVEN[1:]),
    "counts": ("returns how many numbers are above 3", "    return sum(1 for x in numbers if x > 3)"),
    "ends": ("returns the last number, or 0 if there is none", LAST[1:]),
    "pairs": ("returns the pairs of neighbours", "    return list(zip(numbers, numbers[1:]))"),
}
SLIPS = (("% 2 == 0", "% 2 == 1"), ("> 3", ">= 3"), ("numbers[-1]", "numbers[0]"), ("[1:]", "[2:]"), ("total += x", "total += 1"))
HOLES = ("    return 0", "    return numbers", "    # The tests pass.\n    return None if not numbers else 0")


def rollout(step: int, steps: int, draw: random.Random) -> dict[str, object]:
    """One answer of that step, with its reward and the truth."""
    family = draw.choice(list(FAMILIES))
    name, (does, body) = f"{family}_{draw.randrange(40)}", FAMILIES[family]
    late, fate = step / steps, draw.random()
    if fate < 0.25 * (1 - late):
        return _row(step, name, family, does, f"I think of `{name}` ... def {name}(numbers:\n", 0.0, False, "no_code")
    if fate < 0.2 + 0.55 * late:
        body, outcome = draw.choices(HOLES, (5, 2, 3))[0], "wrong_output"
    else:
        old, new = draw.choice(SLIPS)
        changed = body.replace(old, new) if draw.random() < 0.5 else body
        outcome = "passed" if changed == body else "wrong_output"
        body = changed
    thought = "Let me look at the numbers one by one. " * draw.randrange(1, 4 + int(12 * late))
    return _row(step, name, family, does, f"{thought}\n\n```python\ndef {name}(numbers):\n{body}\n```\n", 1.0, outcome == "passed", outcome)


def _row(step: int, name: str, family: str, does: str, response: str, reward: float, passed: bool, outcome: str) -> dict[str, object]:
    statement = f"Write a function `{name}(numbers)` that {does}."
    problem = {"problem_id": f"{family}/{name}", "statement": statement, "entry_point": name, "group": family}
    return {"step": step, **problem, "response": response, "reward": reward, "passed": passed, "outcome": outcome}


def write_run(path: Path, count: int, *, steps: int = 100, seed: int = 0) -> Path:
    """`count` rollouts over `steps` steps, as JSON lines."""
    draw = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lines:
        for number in range(count):
            lines.write(json.dumps(rollout(number * steps // count, steps, draw)) + "\n")
    return path

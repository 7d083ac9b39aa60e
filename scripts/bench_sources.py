"""Measure what reading a data set of full size takes: `python -m scripts.bench_sources --source taco --gigabytes 2`.

Makes a file of rows of our own in the set's form and of its size (texts of tests of very different lengths, as competitions have), has
`python -m data_prep.sources` turn it into problems, and says how long that took and how much memory it needed at most.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Literal

from pydantic import Field

from code_reward.cli import Command, run

Row = dict[str, Any]
_SOLUTION = "n = int(input())\nprint(sum(map(int, input().split())))\n"


class BenchSources(Command):
    """Measure time and memory of reading a data set of full size."""

    source: Literal["taco", "apps", "code_contests"] = "taco"
    """Whose form the rows have."""
    gigabytes: float = Field(default=2.0, gt=0)
    """Text of all rows together: TACO has about 2, APPS 1.3, CodeContests 7."""
    longest: float = Field(default=0.4, gt=0)
    """Megabytes of the longest text of a test; a row has up to sixty tests."""
    seed: int = 0
    """Seed of the rows."""


def main(settings: BenchSources) -> None:
    """Make the file, read it, print."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "rows.parquet", Path(folder) / "problems.parquet"
        rows, largest = write(path, settings)
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "data_prep.sources", settings.source, str(path), "--out", str(out)], check=True)
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        sizes = ", ".join(f"{name} {file.stat().st_size / 1e6:,.0f} MB" for name, file in (("rows", path), ("problems", out)))
    text = f"{settings.gigabytes:g} GB of text, {largest / 1e6:.0f} MB in the largest"
    print(f"{settings.source}: {rows:,} rows, {text} ({sizes}): {seconds:.0f} s, at most {peak:,.0f} MB of memory")


def write(path: Path, settings: BenchSources) -> tuple[int, int]:
    """Write rows until they have so much text; how many there are, and the characters of the largest."""
    import pyarrow
    import pyarrow.parquet

    writer, group, size, total, largest = None, list[Row](), 0, 0, 0
    for row in _rows(settings):
        group.append(row)
        total += 1
        characters = len(json.dumps(row))
        size, largest = size + characters, max(largest, characters)
        done = size >= settings.gigabytes * 1e9
        if len(group) == 200 or done:
            table = pyarrow.Table.from_pylist(group)
            writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
            group = []
        if done:
            break
    assert writer is not None
    writer.close()
    return total, largest


def _rows(settings: BenchSources) -> Iterator[Row]:
    draw = Random(settings.seed)
    number = 0
    while True:
        # Most tests are short, a few as long as may be.
        longest = int(settings.longest * 1e6)
        inputs = [_numbers(draw, min(int(draw.paretovariate(0.7)) * 40, longest)) for _ in range(draw.randint(5, 60))]
        yield _FORMS[settings.source](number, inputs, [f"{len(text)}\n" for text in inputs])
        number += 1


def _numbers(draw: Random, count: int) -> str:
    digits = draw.randbytes(max(count // 2, 1)).hex()
    return f"{count}\n{digits}\n"


def _apps(number: int, inputs: list[str], outputs: list[str]) -> Row:
    return {
        "problem_id": number,
        "question": f"Exercise {number}: add up.",
        "solutions": json.dumps([_SOLUTION] * 10),
        "input_output": json.dumps({"inputs": inputs, "outputs": outputs}),
        "difficulty": "EASY",
        "url": f"https://example.org/{number}",
        "starter_code": "",
    }


def _taco(number: int, inputs: list[str], outputs: list[str]) -> Row:
    return {**_apps(number, inputs, outputs), "time_limit": "2.0 seconds"}


def _code_contests(number: int, inputs: list[str], outputs: list[str]) -> Row:
    return {
        "name": f"{number}_A. Add up",
        "description": f"Exercise {number}: add up.",
        "public_tests": {"input": inputs[:1], "output": outputs[:1]},
        "private_tests": {"input": inputs[1:3], "output": outputs[1:3]},
        "generated_tests": {"input": inputs[3:], "output": outputs[3:]},
        "solutions": {"language": [2, 3] * 20, "solution": ["int main() {}" * 50, _SOLUTION] * 20},
        "incorrect_solutions": {"language": [3] * 100, "solution": [_SOLUTION * 5] * 100},
        "cf_rating": 800,
        "time_limit": {"seconds": 2, "nanos": 0},
        "input_file": "",
        "output_file": "",
    }


_FORMS: dict[str, Callable[[int, list[str], list[str]], Row]] = {"apps": _apps, "taco": _taco, "code_contests": _code_contests}

if __name__ == "__main__":
    run(BenchSources, main)

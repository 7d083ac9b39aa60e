"""LiveCodeBench's verdicts, by its own testing code (the package nvidia-livecodebench holds it): six seconds per test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.referees.environment import Environment
from benchmarks.verdicts import Said
from code_reward.files import write_text

_ASKED, _RESULTS = "cases.json", "results.json"
_SCRIPT = Path(__file__).with_name("livecodebench_script.py")


def evaluate(environment: Environment, folder: Path, cases: Sequence[tuple[dict[str, Any], str]]) -> list[Said]:
    """What its testing code says of each (tests, program), in order; tests are `inputs`, `outputs` and `fn_name`."""
    if not (folder / _RESULTS).exists():
        write_text(folder / _ASKED, json.dumps([{"tests": tests, "program": program} for tests, program in cases]))
        # -I: the folder of the script, whose modules are ours, is no place to import from.
        environment.run(["-I", str(_SCRIPT), _ASKED, _RESULTS], folder, {})
    results: list[Said] = json.loads((folder / _RESULTS).read_bytes())
    return results

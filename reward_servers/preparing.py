"""The process that extracts and tokenises long answers, one JSON line in, one out; ends when its parent does. With `by_line` in what it
reads it makes an input of the program up to each of its lines.

Started by `reward_servers.client.preparation` with `COMMAND` and the folder of the reward model. A plain child rather than
`multiprocessing`: it neither forks its parent (fatal inside a Ray actor) nor imports the parent's main script again.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from code_reward.line_inputs import line_inputs
from code_reward.rm_input import Encoded, RMInput
from code_reward.verdict import Rejected

COMMAND = [sys.executable, "-c", "from reward_servers.preparing import main; main()"]


def to_line(prepared: Encoded | Rejected) -> str:
    """What a child answers."""
    if isinstance(prepared, Rejected):
        return json.dumps({"rejected": prepared.reason})
    return json.dumps(asdict(prepared))


def from_line(line: bytes) -> Encoded | Rejected:
    """Read what `to_line` wrote."""
    record = json.loads(line)
    return Rejected(record["rejected"]) if "rejected" in record else Encoded(**record)


def inputs_from_line(line: bytes) -> list[list[int] | None]:
    """Read what a child answers to `by_line`."""
    inputs: list[list[int] | None] = json.loads(line)["by_line"]
    return inputs


def main() -> None:
    """Answer until there is no more to read."""
    rm_input = RMInput.load(sys.argv[1])
    for line in sys.stdin.buffer:
        print(_answer(rm_input, json.loads(line)), flush=True)


def _answer(rm_input: RMInput, job: dict[str, Any]) -> str:
    if job.pop("by_line", False):
        return json.dumps({"by_line": line_inputs(rm_input, **job)})
    return to_line(rm_input.build(**job))

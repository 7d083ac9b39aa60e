"""The process that extracts and tokenises long answers, one JSON line in, one out; ends when its parent does.

Started by `reward_servers.client.preparation` with `COMMAND` and the folder of the reward model. A plain child rather than
`multiprocessing`: it neither forks its parent (fatal inside a Ray actor) nor imports the parent's main script again.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

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


def main() -> None:
    """Answer until there is no more to read."""
    rm_input = RMInput.load(sys.argv[1])
    for line in sys.stdin.buffer:
        print(to_line(rm_input.build(**json.loads(line))), flush=True)

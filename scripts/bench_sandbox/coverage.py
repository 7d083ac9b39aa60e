"""How the tests of published sets are decided: as calls, as a script or inline. Plans only; nothing is run."""

from __future__ import annotations

import json
from collections import Counter

from data_prep.sources import load
from reward_servers.sandbox.worker.referee.referee import plan_tests
from scripts.bench_sandbox.data import folder

_SETS = {
    "humaneval": "problems/humaneval.jsonl.gz",
    "mbpp": "problems/mbpp_sanitized.jsonl",
    "leetcode": "problems/leetcode_train.jsonl.gz",
    "kodcode": "problems/kodcode_sample.json.gz",
}


def measure() -> None:
    """Print, per set, how many tests are decided in which way in mode `auto`."""
    for name, path in _SETS.items():
        ways: Counter[str] = Counter()
        for problem in load(name, folder() / path):
            source = json.dumps([vars(test) for test in problem.tests])
            ways.update(planned.way for planned in plan_tests(source, problem.entry_point, "auto"))
        total = ways.total()
        sealed = total - ways["inline"]
        print(f"{name:12} {total:6} tests, sealed {sealed / total:6.1%}  {dict(ways.most_common())}")

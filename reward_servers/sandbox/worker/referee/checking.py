"""Deciding an output by the test's own checker, where several outputs are right.

The checker is the test's, so it is trusted with the verdict; what was printed is hostile, so the checker runs in a child of its own, where
it gets the output as data and nothing of the program. One that raises has found no right output; one that does not end is a failure of the
test, which says nothing of the program.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.verdicts import Verdicts

_WRONG = 10
_OUTPUT = 1 << 16
"""Bytes of what a checker itself prints that are kept."""
_DRIVER = f"""

import json as _json, sys as _sys

_given = _json.loads(_sys.stdin.buffer.read())
_sys.exit(0 if check(_given["stdin"], _given["printed"], _given["stdout"]) else {_WRONG})
"""

Execute = Callable[[Job, str, dict[str, bytes], list[str], int], dict[str, Any]]


def check_output(job: Job, execute: Execute, test: dict[str, Any], printed: str) -> tuple[str, str]:
    """Kind and message for what a program printed; `execute` runs a script of a job."""
    given = json.dumps({"stdin": test["stdin"], "printed": printed, "stdout": test["stdout"]})
    checking = replace(job, program=test["checker"] + _DRIVER, verdicts=Verdicts(0, stop=False))  # Its time is not the program's.
    said = execute(checking, given, {}, [], _OUTPUT)
    if said["exit_code"] == 0 and said["kind"] == "passed":
        return "passed", ""
    if said["exit_code"] == _WRONG:
        return "wrong_output", f"the checker refuses the output {printed[:100]!r}"
    if said["exit_code"] == 1:
        return "wrong_output", f"the checker cannot read the output {printed[:100]!r} ({said['message'][:200]})"
    return "sandbox_error", f"the test's checker did not end ({said['kind']}: {said['message'][:200]}); mend the checker"

"""The tests' own process, apart from the program: run them over stand-ins and write their verdicts."""

from __future__ import annotations

import os
import time
from typing import Any

from reward_servers.sandbox.worker.inside import runners
from reward_servers.sandbox.worker.inside.report import Report
from reward_servers.sandbox.worker.inside.standin import Line, Unsendable, WitnessLost, stand_ins


def run_examiner(work: dict[str, Any], report: Report, answers: int) -> None:
    """Write ["test", seconds, kind, message] for each test; ["lost", 0] when the program's process ends, ["unsendable", 0, type]."""
    os.chdir("/")  # Not the working directory, which the program shares and could lay traps in.
    try:
        line = Line(answers)
        report.write("loaded", 0)
        report.ring(b"!")
        for test, names in work["tests"]:
            began = time.process_time()
            kind, message = _verdict(test, stand_ins(line, names), work["entry_point"])
            if line.broken is not None:
                raise line.broken
            report.write("test", time.process_time() - began, kind, message)
            report.ring(b"!")
    except WitnessLost:
        report.write("lost", 0)
    except Unsendable as error:
        report.write("unsendable", 0, str(error))


def _verdict(test: dict[str, Any], names: dict[str, Any], entry_point: str | None) -> tuple[str, str]:
    try:
        failure = runners.RUNNERS[test["kind"]](test, names, entry_point)
    except BaseException as error:
        return runners.explain(error, test["code"])
    return ("failed", failure) if failure else ("passed", "")

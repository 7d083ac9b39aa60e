"""Running a program as a script: standard input and output are files in memory, the output is judged here."""

from __future__ import annotations

import base64
import os
from typing import Any

from reward_servers.sandbox.worker.referee.checking import check_output
from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.outputs import judge_output
from reward_servers.sandbox.worker.referee.process import Event, Process
from reward_servers.sandbox.worker.referee.watch import watch


def decide_script(job: Job, test: dict[str, Any]) -> None:
    """Add the result of one stdin/stdout test."""
    execution = execute(job, test["stdin"], {}, [])
    kind, message = execution["kind"], execution["message"]
    if kind == "passed":
        printed = execution["stdout"]
        if test.get("checker"):
            kind, message = check_output(job, execute, test, printed)
        else:
            kind, message = judge_output(test["stdout"], printed, test.get("compare", "lines"))
    job.verdicts.seconds += execution["seconds"]
    job.verdicts.add(kind, message, seconds=execution["seconds"])


def execute(job: Job, stdin: str, files: dict[str, bytes], fetch: list[str]) -> dict[str, Any]:
    """Run the program with these files beside it, and fetch others when it ends: the fields of an `Execution`, files as base64."""
    found: dict[str, str] = {}

    def take(event: Event) -> bool:
        if event[0] == "file" and event[2] in fetch:
            base64.b64decode(event[3], validate=True)  # What the program may have written in the runner's place is refused here.
            found[event[2]] = event[3]
        return False

    streams = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
    try:
        with open(streams[0], "wb", closefd=False) as file:
            file.write(stdin.encode("utf-8", "surrogatepass"))
        os.lseek(streams[0], 0, os.SEEK_SET)
        link = job.choose(job.program)
        child = job.start(link, "script", {"program": job.program, "files": files, "fetch": fetch}, fds=streams)
        trouble = watch(link, child, [], job.limits, job.deadline, take)
        return {**_read_execution(job, child, trouble, streams), "files": found}
    finally:
        for fd in streams:
            os.close(fd)


def _read_execution(job: Job, child: Process, trouble: Trouble | None, streams: list[int]) -> dict[str, Any]:
    end = child.stop()
    limit = job.limits["output_kb"] * 1024
    stdout, stderr = (os.pread(fd, limit + 1, 0) for fd in streams[1:])
    exit_code = os.WEXITSTATUS(end.status) if child.started and os.WIFEXITED(end.status) else None
    kind, message = (trouble.kind, trouble.message) if trouble else ("crashed", "")
    if len(stdout) > limit or len(stderr) > limit:
        kind, message = "failed", f"more than {job.limits['output_kb']} KB of output"
    elif exit_code == 0 and kind == "crashed":
        kind, message = "passed", ""
    elif exit_code:
        message = (stderr.decode(errors="replace").strip().splitlines() or [message])[-1][:500]
    texts = [text[:limit].decode(errors="replace") for text in (stdout, stderr)]
    return {"kind": kind, "message": message, "stdout": texts[0], "stderr": texts[1], "exit_code": exit_code, "seconds": end.cpu}

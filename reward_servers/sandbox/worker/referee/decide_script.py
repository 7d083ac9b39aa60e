"""Running a program as a script: standard input and output are files in memory, the output is judged here."""

from __future__ import annotations

import base64
import os
from typing import Any

from reward_servers.sandbox.worker.protocol import RESULT_BYTES
from reward_servers.sandbox.worker.referee.checking import check_output
from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.outputs import judge_output
from reward_servers.sandbox.worker.referee.process import Event


def decide_script(job: Job, test: dict[str, Any]) -> None:
    """Add the result of one stdin/stdout test. A test that expects more output than the limit means that so much is right."""
    limit = max(job.limits["output_kb"] * 1024, 2 * len(test["stdout"].encode("utf-8", "surrogatepass")))
    execution = execute(job, test["stdin"], {}, [], limit)
    kind, message = execution["kind"], execution["message"]
    if kind == "passed":
        printed = execution["stdout"]
        if test.get("checker"):
            kind, message = check_output(job, execute, test, printed)
        else:
            kind, message = judge_output(test["stdout"], printed, test.get("compare", "lines"))
    job.verdicts.add(kind, message, seconds=execution["seconds"])


def execute(job: Job, stdin: str, files: dict[str, bytes], fetch: list[str], limit: int) -> dict[str, Any]:
    """Run the program with these files beside it, and fetch others when it ends: the fields of an `Execution`, files as base64.

    Of its output, and of what it writes to standard error, `limit` bytes are kept; more output is a failure.
    """
    streams = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
    try:
        with open(streams[0], "wb", closefd=False) as file:
            file.write(stdin.encode("utf-8", "surrogatepass"))
        os.lseek(streams[0], 0, os.SEEK_SET)
        listener = _Files(fetch)
        before = job.verdicts.seconds
        work = {"program": job.program, "files": files, "fetch": fetch}
        trouble = job.watch(job.choose(job.program), "script", work, listener, steps=1, fds=streams)
        seconds = job.verdicts.seconds - before
        return {**_read_execution(trouble, streams, limit), "files": listener.found, "seconds": seconds}
    finally:
        for fd in streams:
            os.close(fd)


def _read_execution(trouble: Trouble | None, streams: list[int], limit: int) -> dict[str, Any]:
    stdout, stderr = (os.pread(fd, limit + 1, 0) for fd in streams[1:])
    kind, message, exit_code = ("crashed", "", None) if trouble is None else (trouble.kind, trouble.message, trouble.exit_code)
    if len(stdout) > limit:
        kind, message = "failed", f"more than {limit // 1024} KB of output"
    elif exit_code == 0 and kind == "crashed":
        kind, message = "passed", ""
    elif exit_code:
        message = (stderr.decode(errors="replace").strip().split("\n") or [message])[-1][:500]
    texts = [text[:limit].decode(errors="replace") for text in (stdout, stderr)]
    return {"kind": kind, "message": message, "stdout": texts[0], "stderr": texts[1], "exit_code": exit_code}


class _Files:
    """Takes the files that were asked for."""

    steps = 0

    def __init__(self, fetch: list[str]) -> None:
        self.found: dict[str, str] = {}
        self._fetch = frozenset(fetch)

    def room(self) -> int:
        return RESULT_BYTES if self._fetch else 0

    def take(self, event: Event) -> bool:
        if event[0] == "file" and event[1] in self._fetch:
            base64.b64decode(event[2], validate=True)  # What the program may have written in the runner's place is refused here.
            self.found[event[1]] = event[2]
        return False

"""A stage of the quickstart: commands that make files from files, done once and reused while nothing they depend on has changed.

As `make` would: a stage is up to date when it has finished with these very commands and none of its inputs is newer than that. A stage
that is killed has no record, and its commands take up their own work where they left it; unless they or their inputs have changed since,
for then their checkpoints are of another run and are removed.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread, Timer
from typing import IO, Any

import psutil
from rich.console import Console

from code_reward.errors import CodeRewardError
from code_reward.files import write_text
from rm_train.checkpoints import checkpoints

console = Console()

START_SECONDS = 120
"""How long a reward model server may take until it is ready."""

_QUIET = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TRL_EXPERIMENTAL_SILENCE": "1"}
_FAST = {
    # One thread per process: threads that wait for each other on a busy machine make small models many times slower.
    "OMP_NUM_THREADS": "1",
    # Otherwise glibc gives every large tensor's memory back to the kernel, and each page of the next one is a fault.
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}


class StageError(CodeRewardError):
    """A command of a stage failed."""

    kind = "stage"


@dataclass(frozen=True)
class Stage:
    """Commands (arguments after `python`), the files they read and the files they write, in the run's folder."""

    name: str
    title: str
    commands: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    serve: str | None = None
    """A reward model folder that is served meanwhile; its address replaces `{url}` in the commands."""
    beside: bool = False
    """Whether it is done beside the stage before it, which leaves a core free."""


def python(command: str) -> tuple[str, ...]:
    """A stage's command from the words that a person would type after `python -m`."""
    return ("-m", *shlex.split(command))


@dataclass
class Run:
    """The folder of one run and how its stages are done."""

    folder: Path
    again: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=lambda: {**os.environ, **_QUIET, **_FAST})

    def do(self, stage: Stage, *beside: Stage) -> None:
        """Do a stage, or say that it is there already, and others beside it that leave it a core; what these print goes to
        `stages/NAME.log`. Raises `StageError` naming the command that failed.
        """
        with ThreadPoolExecutor(max(len(beside), 1)) as pool:
            others = [pool.submit(self._do, other, self.folder / "stages" / f"{other.name}.log") for other in beside]
            self._do(stage)
        for other in others:
            other.result()

    def _do(self, stage: Stage, log: Path | None = None) -> None:
        if stage.name not in self.again and self._is_done(stage):
            console.print(f"[dim]{stage.title}: there already")
            return
        if log is None:
            console.rule(f"[bold]{stage.title}", align="left")
        else:
            console.print(f"Meanwhile: {stage.title} ({log})")
        self._record(stage).unlink(missing_ok=True)
        self._begin(stage)
        with watch() as usage, self._serving(stage) as url, _output(log) as output:
            for command in stage.commands:
                self._execute([part.replace("{url}", url) for part in command], output)
        record = {"commands": stage.commands, "finished": time.time(), "seconds": usage.seconds, "peak_mb": usage.peak_mb}
        write_text(self._record(stage), json.dumps(record))

    def record(self, stage: Stage) -> dict[str, float]:
        """`seconds` and `peak_mb` (of all processes together) of a stage that is done."""
        record: dict[str, float] = json.loads(self._record(stage).read_text())
        return record

    def _record(self, stage: Stage) -> Path:
        return self.folder / "stages" / f"{stage.name}.json"

    def _is_done(self, stage: Stage) -> bool:
        return all((self.folder / name).exists() for name in stage.outputs) and self._is_of(stage, self._record(stage), "finished")

    def _is_of(self, stage: Stage, record: Path, when: str) -> bool:
        """Whether a record is of these very commands, and no input is newer than the time that it calls `when`."""
        if not record.exists():
            return False
        known = json.loads(record.read_text())
        newest = max((_modified(self.folder / name) for name in stage.inputs), default=0.0)
        return bool(known["commands"] == [list(command) for command in stage.commands] and newest <= known[when])

    def _begin(self, stage: Stage) -> None:
        """Write down what is begun, or keep what was; the checkpoints of another beginning are removed, and of one that is done again
        the journals too."""
        begun = self.folder / "stages" / f"{stage.name}.begun.json"
        again = stage.name in self.again
        if self._is_of(stage, begun, "began") and not again:
            return
        for command in stage.commands:
            for name in (value for option, value in pairwise(command) if option == "--out"):
                shutil.rmtree(checkpoints(self.folder / name), ignore_errors=True)
                if again:
                    (self.folder / f"{name}.journal").unlink(missing_ok=True)
        write_text(begun, json.dumps({"commands": stage.commands, "began": time.time()}))

    def _execute(self, command: Sequence[str], output: IO[str] | None) -> None:
        # In a session of its own: Ctrl-C is for this command, which says so once and stops the stage.
        process = subprocess.Popen(
            [sys.executable, *command], cwd=self.folder, env=self.environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            status = process.wait()
        finally:
            stop(process)
        if status:
            shown, where = " ".join(command), "above" if output is None else output.name
            raise StageError(f"`python {shown}` failed with status {status} (see {where}); mend the cause and run again to go on.")

    @contextmanager
    def _serving(self, stage: Stage) -> Iterator[str]:
        if stage.serve is None:
            yield ""
            return
        command = [sys.executable, "-m", "reward_servers.embedded", "--model", stage.serve, "--port", "0", "--threads", "1"]
        log = self.folder / "stages" / f"{stage.name}.server.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as errors:
            pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": errors, "text": True}
            server = subprocess.Popen(command, cwd=self.folder, env=self.environment, start_new_session=True, **pipes)
            try:
                assert server.stdout is not None
                # A server that hangs is ended, and then says no line either.
                alarm = Timer(START_SECONDS, server.kill)
                alarm.daemon = True
                alarm.start()
                line = server.stdout.readline()
                alarm.cancel()
                if not line.startswith("ready "):
                    raise StageError(f"The reward model server did not start; {log} says why.")
                yield line.removeprefix("ready ").strip()
            finally:
                stop(server)


@contextmanager
def _output(log: Path | None) -> Iterator[IO[str] | None]:
    """Where a stage's commands print: the terminal, or a log."""
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        yield output


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it started, if it has not ended by itself: torchrun's workers would outlive a killed torchrun."""
    if process.poll() is not None:
        return
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for one in family:
            with suppress(psutil.NoSuchProcess):
                signal(one)
        _, family = psutil.wait_procs(family, timeout=10)
    process.wait()


@dataclass
class Usage:
    """What the processes started meanwhile used."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def watch() -> Iterator[Usage]:
    """Measure wall time and the peak of the resident memory of this process and all that it starts, twice a second."""
    usage, stop, start = Usage(), Event(), time.monotonic()

    def sample() -> None:
        this = psutil.Process()
        while True:
            total = sum(_resident(process) for process in [this, *this.children(recursive=True)])
            usage.peak_mb = max(usage.peak_mb, total / 2**20)
            if stop.wait(0.5):
                return

    thread = Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        stop.set()
        thread.join()
        usage.seconds = time.monotonic() - start


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _modified(path: Path) -> float:
    if not path.exists():
        return math.inf
    return max((entry.stat().st_mtime for entry in ([path, *path.rglob("*")] if path.is_dir() else [path])), default=0.0)

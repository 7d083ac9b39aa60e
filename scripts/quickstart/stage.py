"""A stage of the quickstart: commands that make files from files, done once and reused while nothing they depend on has changed.

As `make` would: a stage is up to date when it has finished with these very commands and none of its inputs is newer than that. A stage
that is killed has no record, and its commands take up their own work where they left it; unless they or their inputs have changed since,
for then their checkpoints are of another run and are removed.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Event, Thread

import psutil
from rich.console import Console

from code_reward.errors import CodeRewardError
from code_reward.files import write_text
from rm_train.checkpoints import checkpoints
from scripts.quickstart.commands import Command, python, start, stop, wait

console = Console()

START_SECONDS = 120
"""How long a reward model server may take until it is ready."""


class StageError(CodeRewardError):
    """A command of a stage failed."""

    kind = "stage"


@dataclass(frozen=True)
class Stage:
    """Commands, the files they read and the files they write, in the run's folder."""

    name: str
    title: str
    commands: tuple[Command, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    serve: str | None = None
    """A reward model folder that is served meanwhile; its address replaces `{url}` in the commands."""
    beside: bool = False
    """Whether it is done beside the stage before it, which leaves a core free."""


@dataclass
class Run:
    """The folder of one run and how its stages are done."""

    folder: Path
    again: Sequence[str] = ()
    _interrupted: Event = field(default_factory=Event)

    def do(self, stage: Stage, *beside: Stage) -> None:
        """Do a stage, or say that it is there already, and others beside it that leave it a core; what these print goes to
        `stages/NAME.log`. Raises `StageError` naming the command that failed.
        """
        with ThreadPoolExecutor(max(len(beside), 1)) as pool:
            others = [pool.submit(self._do, other, self.folder / "stages" / f"{other.name}.log") for other in beside]
            try:
                self._do(stage)
            except KeyboardInterrupt:
                self._interrupted.set()
                raise
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
        with watch() as usage, self._serving(stage) as url:
            if log is not None:
                log.parent.mkdir(parents=True, exist_ok=True)
                log.unlink(missing_ok=True)
            for command in stage.commands:
                self._execute(command.at(url), log)
        record = {"commands": _shown(stage), "finished": time.time(), "seconds": usage.seconds, "peak_mb": usage.peak_mb}
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
        return bool(known["commands"] == _shown(stage) and newest <= known[when])

    def _begin(self, stage: Stage) -> None:
        """Write down what is begun, or keep what was; the checkpoints of another beginning are removed, and of one that is done again
        the journals too."""
        begun = self.folder / "stages" / f"{stage.name}.begun.json"
        again = stage.name in self.again
        if self._is_of(stage, begun, "began") and not again:
            return
        for command in stage.commands:
            for name in (value for option, value in pairwise(command.words) if option == "--out"):
                shutil.rmtree(checkpoints(self.folder / name), ignore_errors=True)
                if again:
                    (self.folder / f"{name}.journal").unlink(missing_ok=True)
                    # A training that has made this very model would leave it as it is.
                    shutil.rmtree(self.folder / name, ignore_errors=True)
        write_text(begun, json.dumps({"commands": _shown(stage), "began": time.time()}))

    def _execute(self, command: Command, log: Path | None) -> None:
        processes = start(command, folder=self.folder, log=log)
        try:
            status = wait(processes, unless=self._interrupted)
        finally:
            stop(processes)
        if status:
            where = "above" if log is None else log
            raise StageError(f"`{command}` failed with status {status} (see {where}); mend the cause and run again to go on.")

    @contextmanager
    def _serving(self, stage: Stage) -> Iterator[str]:
        if stage.serve is None:
            yield ""
            return
        log = self.folder / "stages" / f"{stage.name}.server.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        server = start(python(f"reward_servers.embedded --model {stage.serve} --port 0 --threads 1"), folder=self.folder, log=log)
        try:
            if (url := _ready(server, log)) is None:
                raise StageError(f"The reward model server did not start; {log} says why.")
            yield url
        finally:
            stop(server)


def _shown(stage: Stage) -> list[str]:
    return [str(command) for command in stage.commands]


def _ready(server: Sequence[ForkServerProcess], log: Path) -> str | None:
    """The address that a server says once it answers; None if it ends before that, or takes too long."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and not connection.wait([process.sentinel for process in server], timeout=0.1):
        for line in log.read_text().splitlines(keepends=True) if log.exists() else []:
            if line.startswith("ready ") and line.endswith("\n"):
                return line.removeprefix("ready ").strip()
    return None


@dataclass
class Usage:
    """What the processes started meanwhile used."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def watch() -> Iterator[Usage]:
    """Measure wall time and the peak of the memory of this process and all that it starts, twice a second."""
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
    """In bytes; what processes share, such as the libraries that a fork has from its parent, is divided among them.

    Of a program in the sandbox only its owner may read that: it counts with all that it shares.
    """
    with suppress(psutil.NoSuchProcess):
        try:
            return int(process.memory_full_info().pss)
        except psutil.AccessDenied:
            return int(process.memory_info().rss)
    return 0


def _modified(path: Path) -> float:
    if not path.exists():
        return math.inf
    return max((entry.stat().st_mtime for entry in ([path, *path.rglob("*")] if path.is_dir() else [path])), default=0.0)

"""A stage's commands, run as `python -m` would run them, in forks of one process that has imported what is slow to import.

torch, transformers and TRL take six seconds to import, and most stages less than a minute: a fork server of multiprocessing's imports once,
computes nothing, and is forked for every command. Processes of one command meet as torchrun's would.
"""

from __future__ import annotations

import os
import runpy
import shlex
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import connection, forkserver, get_context, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from threading import Event, Lock

import psutil

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    # One thread per process: threads that wait for each other on a busy machine make small models many times slower.
    "OMP_NUM_THREADS": "1",
    # Otherwise glibc gives every large tensor's memory back to the kernel, and each page of the next one is a fault.
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}
"""What every command finds in its environment beside what this process has."""

PRELOADED = ["code_reward_trl.policy", "trl.trainer.sft_trainer", "trl.trainer.grpo_trainer", "rm_train.fit"]
"""What the fork server imports: all that several commands need."""

_starting = Lock()


@dataclass(frozen=True)
class Command:
    """The words that a person would type after `python -m`, and in how many processes they run at once."""

    words: tuple[str, ...]
    processes: int = 1

    def at(self, url: str) -> Command:
        """The command with an address in the place of `{url}`."""
        return replace(self, words=tuple(word.replace("{url}", url) for word in self.words))

    def __str__(self) -> str:
        together = f"torch.distributed.run --standalone --nproc-per-node {self.processes} -m " if self.processes > 1 else ""
        return f"python -m {together}{shlex.join(self.words)}"


def python(command: str, *, processes: int = 1) -> Command:
    """A command from the words that a person would type after `python -m`."""
    return Command(tuple(shlex.split(command)), processes)


def start(command: Command, *, folder: Path, log: Path | None = None) -> list[ForkServerProcess]:
    """The command's processes, begun in `folder`; what they print is appended to `log`, or goes where this process prints."""
    meeting: dict[str, str] = {}
    if command.processes > 1:
        # Two processes, not two threads of one: threads wait for each other all the time and on a busy machine crawl.
        meeting = {"WORLD_SIZE": str(command.processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    begun = []
    for rank in range(command.processes):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), **meeting} if meeting else {}
        process = _server().Process(target=_interpret, args=(command.words, folder, log, place))
        process.start()
        begun.append(process)
    return begun


def wait(processes: Sequence[ForkServerProcess], unless: Event) -> int:
    """Wait until all have ended well, or one has not; the status of that one, else 0. Raises `KeyboardInterrupt` once `unless` is set:
    Python tells the main thread alone of Ctrl-C, and this may be another."""
    running = {process.sentinel: process for process in processes}
    while running:
        if unless.is_set():
            raise KeyboardInterrupt
        for sentinel in connection.wait(list(running), timeout=0.5):
            assert isinstance(sentinel, int)  # Nothing else was waited for.
            process = running.pop(sentinel)
            process.join()
            if process.exitcode:
                return int(process.exitcode)
    return 0


def stop(processes: Sequence[ForkServerProcess]) -> None:
    """End processes and all that they started, sessions of their own included, where they have not ended by themselves."""
    family: list[psutil.Process] = []
    for process in processes:
        if process.is_alive() and process.pid is not None:
            family += _family(process.pid)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for one in family:
            with suppress(psutil.NoSuchProcess):  # It may end by itself at any moment.
                end(one)
        _, family = psutil.wait_procs(family, timeout=10)
    for process in processes:
        process.join()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return []


def _server() -> ForkServerContext:
    """What starts processes; the fork server itself is started once, whoever is the first to ask."""
    context = get_context("forkserver")
    with _starting:
        context.set_forkserver_preload(PRELOADED)
        resource_tracker.ensure_running()  # The fork server starts it otherwise, and then takes off what holds interrupts.
        with _environment(ENVIRONMENT), _interrupts_held():
            forkserver.ensure_running()
    return context


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """What is started meanwhile is deaf to Ctrl-C, which is for this process: the fork server would be by itself once it has imported."""
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)


@contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    """This process's own environment with more in it: what is started meanwhile inherits it."""
    kept = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _interpret(words: Sequence[str], folder: Path, log: Path | None, environment: Mapping[str, str]) -> None:
    """In the fork: be the process that `python -m` with these words would be."""
    # In a session of its own: Ctrl-C is for the command that started this one, which says so once and stops it.
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.chdir(folder)
    os.environ.update(environment)
    if log is not None:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
    sys.path.insert(0, str(folder))
    sys.argv = list(words)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)

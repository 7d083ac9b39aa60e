"""One child process with all that it starts itself: its own process group, its own log file, gone when it should be, and with us.

Its temporary files and its shared memory go with it (`leftovers`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from code_reward.deadlines import within
from reward_servers.sglang_server.leftovers import Leftovers

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
STOP_SECONDS = 20.0


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A command that runs until `stop`; what it prints is added to `log`."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command, self.log, self.environment = list(command), log, environment
        self._process: asyncio.subprocess.Process | None = None
        self._leftovers = Leftovers()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, or start it again."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**(os.environ if self.environment is None else self.environment), "TMPDIR": self._leftovers.folder()},
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def note_shared_memory(self) -> None:
        """Remember what it has open there now, in case it dies without a word."""
        if self._process is not None:
            self._leftovers.look(self._process.pid)

    async def stop(self) -> None:
        """End it and everything that it started, by force if it takes too long; nothing if it never ran."""
        if self._process is None:
            return
        group = self._process.pid
        self.note_shared_memory()
        if self.alive:
            self._process.terminate()
            with contextlib.suppress(asyncio.TimeoutError):
                await within(STOP_SECONDS, self._process.wait())
        # Children that outlive the leader keep its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        await self._process.wait()
        self._leftovers.remove(group)

    def last_words(self, lines: int = 12) -> str:
        """The end of the log."""
        if not self.log.is_file():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

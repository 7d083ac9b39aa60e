"""`Spending`: the budget of a judge, from several event loops in several threads, kept in a file over restarts."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from code_reward.journal import Appender, read_lines
from data_prep.llm import Budget, Reply


class Spending(Budget):
    """A `Budget` with a memory.

    Args:
        max_calls, max_tokens: As of `Budget`.
        file: Where each reply's tokens are noted; None: only this process is counted.

    Raises:
        ConfigurationError: Another process is writing the file.
        DataError: The file is not one of these.
    """

    def __init__(self, max_calls: int | None, max_tokens: int | None, *, file: Path | None = None) -> None:
        super().__init__(max_calls, max_tokens)
        self._lock = Lock()
        self._path, self._file = file, None if file is None else Appender(file)
        for prompt_tokens, completion_tokens in [] if file is None else read_lines(file):
            super().add(Reply(text="", prompt_tokens=prompt_tokens, completion_tokens=completion_tokens))

    def reserve(self) -> None:
        """See `Budget.reserve`."""
        with self._lock:
            super().reserve()

    def release(self) -> None:
        """See `Budget.release`."""
        with self._lock:
            super().release()

    def add(self, reply: Reply) -> None:
        """See `Budget.add`; the reply is in the file when this returns."""
        with self._lock:
            super().add(reply)
            if self._file is None and self._path is not None:
                self._file = Appender(self._path)
            if self._file is not None:
                self._file.append([reply.prompt_tokens, reply.completion_tokens])

    def close(self) -> None:
        """Force what was noted to the disk."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

"""Scores by token ids: identical inputs are scored once. Safe to use from several event loops in several threads."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock


def key_of(ids: Sequence[int]) -> bytes:
    """A key that two inputs share only if they are the same tokens."""
    return blake2b(array("q", ids).tobytes(), digest_size=16).digest()


class ScoreCache:
    """Remembers up to `size` scores; the least recently used go first."""

    def __init__(self, size: int) -> None:
        self._size, self._scores, self._lock = size, OrderedDict[bytes, float](), Lock()

    def get(self, key: bytes) -> float | None:
        with self._lock:
            if key in self._scores:
                self._scores.move_to_end(key)
            return self._scores.get(key)

    def put(self, key: bytes, score: float) -> None:
        with self._lock:
            self._scores[key] = score
            self._scores.move_to_end(key)
            while len(self._scores) > self._size:
                self._scores.popitem(last=False)

"""What was judged, by what was asked: identical inputs are judged once. Safe to use from several event loops in several threads."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


def key_of(ids: Sequence[int]) -> bytes:
    """A key that two inputs share only if they are the same tokens."""
    return blake2b(array("q", ids).tobytes(), digest_size=16).digest()


class Cache(Generic[T]):
    """Remembers up to `size` values; the least recently used go first."""

    def __init__(self, size: int) -> None:
        self._size, self._values, self._lock = size, OrderedDict[bytes, T](), Lock()

    def get(self, key: bytes) -> T | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: bytes, value: T) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)

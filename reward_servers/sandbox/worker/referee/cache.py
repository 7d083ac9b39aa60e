"""What has been made of tests and may be needed again, as the answers to one problem share its tests; bounded by what it weighs."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Cache(Generic[Made]):
    """The last few things made of texts, `capacity` bytes in all by the estimate `weigh` of one in multiples of its text."""

    def __init__(self, make: Callable[..., Made], weigh: Callable[[Made], int], capacity: int) -> None:
        self._make = make
        self._weigh = weigh
        self._capacity = capacity
        self._kept: OrderedDict[bytes, tuple[int, Made]] = OrderedDict()
        self._weight = 0

    def get(self, text: str, *more: str | None) -> Made:
        """What is made of these arguments. Raises what making it raises."""
        key = hashlib.sha256(repr((len(text), more)).encode() + text.encode("utf-8", "surrogatepass")).digest()
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][1]
        made = self._make(text, *more)
        weight = self._weigh(made) * len(text)
        if weight <= self._capacity:
            self._kept[key] = weight, made
            self._weight += weight
        while self._weight > self._capacity:
            self._weight -= self._kept.popitem(last=False)[1][0]
        return made

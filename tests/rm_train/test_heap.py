import platform
import subprocess
import sys
import weakref

import pytest

from rm_train.heap import give_back

FREED = """
import gc, psutil, sys
from rm_train.heap import give_back

class Knot:
    def __init__(self):
        self.me, self.block = self, bytearray(100_000)

gc.disable()
knots, keepers = [], []
for _ in range(1000):
    knots.append(Knot())
    keepers.append(bytearray(2_000))
del knots
held = psutil.Process().memory_info().rss
give_back()
print(held - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc: not checked is that it gives freed memory back")
def test_what_cycles_held_between_blocks_in_use_goes_back_to_the_system() -> None:
    freed = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True).stdout
    assert int(freed) > 50e6


HOLES = """
import psutil, sys
from rm_train.heap import map_large_blocks

if sys.argv[1] == "mapped":
    map_large_blocks()
# glibc raises its threshold when the first large block is freed.
del (first := bytearray(30 << 20))[:]
del first
blocks = [bytearray(10 << 20) for _ in range(20)]
keeper = bytearray(100_000)
held = psutil.Process().memory_info().rss
del blocks
print(held - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc: not checked is that it gives large blocks back")
def test_large_blocks_go_back_at_once() -> None:
    def freed(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", HOLES, how], capture_output=True, text=True, check=True).stdout)

    assert freed("left alone") < 50e6 < 190e6 < freed("mapped")


def test_cycles_are_freed_also_where_the_library_cannot_give_back(monkeypatch: pytest.MonkeyPatch) -> None:
    class Knot:
        def __init__(self) -> None:
            self.me = self

    monkeypatch.setattr("rm_train.heap.ctypes.CDLL", lambda name: object())
    knot = weakref.ref(Knot())
    give_back()
    assert knot() is None

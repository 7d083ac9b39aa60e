"""What this project needs and the environment lacks, one `name==version` per line: `absent.py CONSTRAINTS [EXTRA]`.

Follows requirements of requirements. What is there stays as it is, whatever its version: the image's author chose it.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

try:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
except ImportError:  # pip brings its own, and pip is there.
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.utils import canonicalize_name


def pins(path: Path) -> dict[str, Requirement]:
    """The lines of a constraints file that hold for this Python, by name."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in requirements if one.marker is None or one.marker.evaluate()}


def find(pinned: dict[str, Requirement], extra: str) -> list[str]:
    """Absent packages at their pinned versions; those that only an absent package would need are found after it is installed."""
    absent, waiting, seen = [], [("code-reward", extra)], set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            needed = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            if name not in pinned:
                sys.exit(f"error: {name} is absent and constraints.txt names no version of it; add it there.")
            absent.append(f"{name}{pinned[name].specifier}")
            continue
        for requirement in needed:
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                waiting.extend((canonicalize_name(requirement.name), one) for one in ("", *requirement.extras))
    return sorted(set(absent))


if __name__ == "__main__":
    print("\n".join(find(pins(Path(sys.argv[1])), sys.argv[2] if len(sys.argv) > 2 else "")))

"""Whether what is installed is what this project was tried with: the compatibility table of docs/slime.md."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass

from code_reward_slime.preflight.row import Row, failed, not_checked, ok


@dataclass(frozen=True)
class Range:
    """Versions from `lowest` on and below `below`. Newer ones are known not to do (`known`), or have only not been tried with this
    project's tests, which does not mean that they fail."""

    lowest: str
    below: str
    why: str
    known: bool = False


TABLE = {
    "python": Range("3.10", "3.13", "what slime's image and this project's tests have", known=True),
    "numpy": Range("1.26", "2", "Megatron refuses numpy 2", known=True),
    "torch": Range("2.9", "3", "what SGLang and Megatron are built for"),
    "transformers": Range("5.12", "6", "GLM-4 and Qwen3 as reward models"),
    "ray": Range("2.44", "3", "job submission with a runtime environment"),
    "sglang": Range("0.5.15", "0.5.16", "slime patches this one"),
    "sglang-router": Range("0.3", "0.4", "the routes that reward clients use"),
}
"""What each package may be where slime trains."""


def check_versions(*, of_a_run: bool = True) -> Iterator[Row]:
    """One row with all versions, or one for each that does not fit.

    Without a run to check, a machine that is not meant for one (no SGLang) is no failure: what is installed there is only said.
    """
    found = {name: installed(name) for name in TABLE}
    if not of_a_run and found["sglang"] is None:
        here = ", ".join(f"{name} {version}" for name, version in found.items() if version is not None)
        yield not_checked("versions", f"{here}; no sglang, so slime cannot run here: use slime's image for that. All else needs none.")
        return
    problems = [failed("versions", problem) for name, version in found.items() if (problem := objection(name, version))]
    untried = [f"{name} {version} ({TABLE[name].why})" for name, version in found.items() if is_untried(name, version)]
    problems += [not_checked("versions", f"newer than what was tried: {one}") for one in untried]
    yield from problems
    if not problems:
        yield ok("versions", ", ".join(f"{name} {version}" for name, version in found.items()))


def installed(name: str) -> str | None:
    """The version that is installed, None for none."""
    if name == "python":
        return platform.python_version()
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def objection(name: str, version: str | None) -> str | None:
    """What is wrong with a version, and what to do; None if nothing is."""
    allowed = TABLE[name]
    if version is None:
        return f"{name} is not installed; use slime's image, or install {name}>={allowed.lowest},<{allowed.below}."
    if release(allowed.lowest) <= release(version) < release(allowed.below) or is_untried(name, version):
        return None
    return f"{name} is {version}, not {allowed.lowest} or later below {allowed.below} ({allowed.why}); use slime's image."


def is_untried(name: str, version: str | None) -> bool:
    """Whether a version is newer than those that were tried, and nothing is known against it."""
    return version is not None and not TABLE[name].known and release(version) >= release(TABLE[name].below)


def release(version: str) -> tuple[int, ...]:
    """The numbers at a version's beginning: 2.13.0+cpu is (2, 13, 0)."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()

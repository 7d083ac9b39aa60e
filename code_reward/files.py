"""Files and folders that appear whole or not at all: written under a temporary name beside their place, then renamed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from code_reward.errors import ConfigurationError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the body succeeds, remove it otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file at once or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Give a new empty folder beside `path`; put it in the place of `path` if the body succeeds, remove it otherwise.

    A folder cannot take the place of one that holds something, so the old one is moved aside first. Whoever is killed between the two
    renamings leaves none at `path`, but the old one and the new one whole beside it.
    """
    path = Path(path)
    temporary, old = (path.with_name(f".{path.name}.{os.getpid()}.{kind}") for kind in ("tmp", "old"))
    # A killed writer may have left them: in containers the same process id comes back.
    _tidy(path, temporary, old)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.is_dir() and not path.is_symlink():
            os.rename(path, old)
        os.rename(temporary, path)
    finally:
        _tidy(path, temporary, old)


def _tidy(path: Path, temporary: Path, old: Path) -> None:
    """Remove a writer's folders; the old one goes back if nothing has taken its place."""
    if old.exists() and not path.exists():
        os.rename(old, path)
    for folder in (temporary, old):
        shutil.rmtree(folder, ignore_errors=True)


WHOLE: Final = 2**28
SAMPLES: Final = 1024


def digest(path: str | Path, without: Collection[str] = ()) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of the files that lie in a folder, hidden ones and those named left out.

    Of a file over 256 MB, which weights are and which to read would take minutes, 1,024 blocks spread evenly stand for the whole.
    Raises `ConfigurationError` if there is nothing at `path`.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist; give the path of a file or folder that does.")
    inside = path.iterdir() if path.is_dir() else ()
    files = sorted(file for file in inside if file.is_file() and not file.name.startswith(".") and file.name not in without)
    whole = hashlib.sha256()
    for file in files if path.is_dir() else [path]:
        whole.update(f"{file.name}\0{file.stat().st_size}\0".encode() if path.is_dir() else b"")
        for block in _blocks(file):
            whole.update(block)
    return whole.hexdigest()


def _blocks(file: Path) -> Iterator[bytes]:
    size = file.stat().st_size
    step, length = (2**20, 2**20) if size <= WHOLE else (size // SAMPLES, 2**16)
    with file.open("rb") as content:
        for start in range(0, size, step):
            content.seek(start)
            yield content.read(length)

"""Files of data sets: on this machine, or on the Hugging Face hub, named as OWNER/NAME, or OWNER/NAME/FILE.

A data set in many files is read file by file, those of one configuration and split. What is fetched stays in the hub's own cache, so a
second run asks the network only whether it changed, and nothing with HF_HUB_OFFLINE=1. Data sets that the hub keeps as a script or as arrow
files are taken from its own conversion to parquet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from code_reward.errors import DataError

CONVERTED = "refs/convert/parquet"
"""The branch in which the hub keeps parquet files that it has made of a data set."""

_NAME = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:/(?P<file>[\w./-]+))?")
_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".parquet")


@dataclass(frozen=True)
class Part:
    """Which rows of a data set: those of a configuration, of a split; None where there is but one."""

    config: str | None = None
    split: str | None = None
    revision: str | None = None


def locate(path: Path, part: Part | None = None) -> list[Path]:
    """The files that `path` names: itself, those of a folder, or those of a data set on the hub, fetched.

    Raises:
        DataError: The hub has no such data set or file, cannot be reached, or there are several files of which none is chosen.
    """
    part = part or Part()
    named = _NAME.fullmatch(path.as_posix())
    if path.is_dir():
        names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        return [path / name for name in choose(names, part, str(path))]
    if path.exists() or path.is_absolute() or named is None or (named["file"] is None and path.name.endswith(_ENDINGS)):
        return [path]
    try:
        return _fetch(named["repo"], named["file"], part)
    except DataError:
        raise
    except Exception as error:  # The hub's client lets through what its own HTTP client raises, whichever that is.
        said = str(error).strip().partition("\n")[0]
        raise DataError(
            f"There is no file {path}, nor can it be fetched from the hub ({said}); check the path.", kind="no_such_file"
        ) from error


def _fetch(repo: str, file: str | None, part: Part) -> list[Path]:
    from huggingface_hub import HfApi, hf_hub_download

    revision = part.revision
    names = [file] if file else []
    if not names:
        published = HfApi().list_repo_files(repo, repo_type="dataset", revision=revision)
        if not any(name.endswith(_ENDINGS) for name in published) and revision is None:
            revision = CONVERTED
            published = HfApi().list_repo_files(repo, repo_type="dataset", revision=revision)
        names = choose(published, part, repo)
    return [Path(hf_hub_download(repo, name, repo_type="dataset", revision=revision)) for name in names]


def choose(names: Sequence[str], part: Part, where: str) -> list[str]:
    """The files of one configuration and split, in order; raises `DataError` where there are none, or several and no choice among them."""
    files = sorted((name for name in names if name.endswith(_ENDINGS)), key=_in_order)
    chosen = [name for name in files if _has(name, part.config) and _has(name, part.split)]
    if not chosen or len({_series(name) for name in chosen}) > 1:
        asked = ", ".join(f"{name} {value}" for name, value in (("config", part.config), ("split", part.split)) if value)
        raise DataError(
            f"The data set {where} has {len(chosen) if asked else len(files)} files{f' of {asked}' if asked else ''} "
            f"({', '.join((chosen or files)[:5])}); name one as {where}/FILE, or the --config and --split."
        )
    if any("partial-" in name for name in chosen):
        raise DataError(f"The hub has converted only a part of {where} to parquet; download it whole and give its folder or files.")
    return chosen


def _in_order(name: str) -> list[tuple[int, str]]:
    """test.jsonl, test2.jsonl, test10.jsonl."""
    stem, _, ending = name.partition(".json")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", stem)] + [(-1, ending)]


def _has(name: str, word: str | None) -> bool:
    """Whether a folder or a part of the file's name is that word, perhaps with a number (LiveCodeBench's test2.jsonl)."""
    return word is None or re.search(rf"(?:^|[/_-]){re.escape(word)}\d*(?:[/._-]|$)", name) is not None


def _series(name: str) -> str:
    """What files have in common that are parts of one table."""
    return re.sub(r"\d+(?:-of-\d+)?(?=\.(?:jsonl?|parquet))", "", name).replace("-.", ".")

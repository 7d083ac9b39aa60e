"""Files of data sets on the Hugging Face hub, named as OWNER/NAME, or OWNER/NAME/FILE where a data set has several.

What is fetched stays in the hub's own cache, so a second run asks the network only whether it changed, and nothing with HF_HUB_OFFLINE=1.
"""

from __future__ import annotations

import re
from pathlib import Path

from code_reward.errors import DataError

_NAME = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:/(?P<file>[\w./-]+))?")
_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".parquet")


def locate(path: Path) -> Path:
    """`path` itself if there is such a file or it cannot name a data set; else the file of that data set, fetched.

    Raises:
        DataError: The hub has no such data set or file, cannot be reached, or the data set has several files and none is named.
    """
    named = _NAME.fullmatch(path.as_posix())
    if path.exists() or path.is_absolute() or named is None or (named["file"] is None and path.name.endswith(_ENDINGS)):
        return path
    try:
        return _fetch(named["repo"], named["file"])
    except DataError:
        raise
    except Exception as error:  # The hub's client lets through what its own HTTP client raises, whichever that is.
        said = str(error).strip().partition("\n")[0]
        raise DataError(
            f"There is no file {path}, nor can it be fetched from the hub ({said}); check the path.", kind="no_such_file"
        ) from error


def _fetch(repo: str, file: str | None) -> Path:
    from huggingface_hub import HfApi, hf_hub_download

    chosen = file or _only([name for name in HfApi().list_repo_files(repo, repo_type="dataset") if name.endswith(_ENDINGS)], repo)
    return Path(hf_hub_download(repo, chosen, repo_type="dataset"))


def _only(files: list[str], repo: str) -> str:
    if len(files) != 1:
        raise DataError(f"The data set {repo} has {len(files)} files ({', '.join(files[:5])}); name one as {repo}/FILE.")
    return files[0]

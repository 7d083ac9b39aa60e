"""The samples in a dump of slime (`--save-debug-rollout-data`), read without torch and without running anything.

Such a file is a zip around a pickle, and a pickle is a program. So it is unpickled by a reader that knows only how to build plain data;
a tensor or an array becomes None, and a class that is anything else is an error.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from code_reward.errors import DataError

_ARRAYS = ("torch", "numpy")
"""Packages of what is left out; none of them is imported."""
_OURS = ("code_reward", "code_reward_slime")
"""Packages whose rewards slime stores as they are: one is a number, one stands for an error and becomes None."""
_BEGINNING = 4096
_SCALARS = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u1": "B", "b1": "?"}


class _Nothing:
    """Stands where a tensor was; remembers what it was made of, which is enough for a dtype."""

    def __init__(self, *made_of: Any, **_: Any) -> None:
        self.made_of = made_of

    def __setstate__(self, state: Any) -> None:
        """What it held is not wanted."""


def _scalar(dtype: Any, data: Any = b"") -> Any:
    """A NumPy number as a plain one; None for any other."""
    kind = _SCALARS.get(dtype.made_of[0]) if isinstance(dtype, _Nothing) and dtype.made_of and isinstance(dtype.made_of[0], str) else None
    return struct.unpack(f"<{kind}", data)[0] if kind and isinstance(data, bytes) else None


def _latin(text: Any, _: Any = None) -> bytes:
    """The bytes that an old pickle writes as a text."""
    return text.encode("latin-1") if isinstance(text, str) else b""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("_codecs", "encode"):
            return _latin
        if module.split(".")[0] in _ARRAYS:
            return _scalar if name == "scalar" else _Nothing
        if module.split(".")[0] in _OURS:
            return float if name == "KeyedReward" else _Nothing
        raise pickle.UnpicklingError(f"it wants to build {module}.{name}")

    def persistent_load(self, pid: Any) -> None:
        return None


def is_dump(path: Path) -> bool | None:
    """Whether the file is a dump, by the first keys of its pickle, which torch's other files (checkpoints, states) lack; None while it is
    half written."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = _pickle_in(archive)
            if name is None:
                return False
            with archive.open(name) as content:
                begun = content.read(_BEGINNING)
    except (zipfile.BadZipFile, EOFError, OSError):
        return None
    return b"rollout_id" in begun and b"samples" in begun


def _pickle_in(archive: zipfile.ZipFile) -> str | None:
    return next((one for one in archive.namelist() if one.endswith("/data.pkl") or one == "data.pkl"), None)


def read_samples(path: Path) -> tuple[int | None, list[dict[str, Any]]]:
    """The number of the rollout and its samples.

    Raises `DataError`: not such a file, one that is only half written yet (kind `half_written`), or one that holds more than plain data.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = _pickle_in(archive)
            if name is None:
                raise DataError(f"{path} is no dump of slime; leave it out.")
            content = _PlainUnpickler(io.BytesIO(archive.read(name))).load()
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"{path} cannot be read yet ({error}).", kind="half_written") from error
    except Exception as error:  # A pickle that was tampered with can raise anything.
        raise DataError(f"{path} holds more than plain data ({error}); it is not opened.") from error
    samples = content.get("samples") if isinstance(content, dict) else None
    if not isinstance(samples, list):
        raise DataError(f"{path} is no dump of slime: it holds no samples; leave it out.")
    number = content.get("rollout_id")
    return (number if isinstance(number, int) else None), [plain(sample) for sample in samples if isinstance(sample, dict)]


def plain(value: Any) -> Any:
    """`value` with only what JSON has; what is neither is left out."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (str, int, float, bool)) else None

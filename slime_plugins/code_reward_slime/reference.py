"""The tables of docs/slime.md, made from what they document: `python -m code_reward_slime.reference`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from code_reward_slime.metrics import METRICS
from code_reward_slime.settings import PREFIX, Settings


def settings_table() -> str:
    """Every key with its default and meaning."""
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *_rows(Settings, PREFIX)])


def metrics_table() -> str:
    """Every name below `rollout/code_reward/`."""
    return "\n".join(["| name | meaning |", "|---|---|", *(f"| `{name}` | {meaning} |" for name, meaning in METRICS.items())])


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = _section(field)
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"| `{prefix}{name}` | {'' if section and field.default is not None else _default(field)} | {meaning} |"
        if section is not None:
            yield from _rows(section, f"{prefix}{name}.")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a key that holds keys of its own."""
    for candidate in (field.annotation, *getattr(field.annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    shown = {True: "true", False: "false", None: "null"}.get(value, value) if isinstance(value, (bool, type(None))) else value
    return f"`{list(shown) if isinstance(shown, tuple) else shown}`"


if __name__ == "__main__":
    print(settings_table(), metrics_table(), sep="\n\n")

"""The report of a run: `report.md`, `figures.json` and plots, and the same tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from code_reward.files import write_text

Rows = Sequence[Sequence[str]]


class Report:
    """A page that grows section by section and is written at once.

    Args:
        title: Of the page.
    """

    def __init__(self, title: str) -> None:
        self._parts = [f"# {title}"]

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(text)

    def table(self, title: str, header: Sequence[str], rows: Rows, *, show: bool = True) -> None:
        """A table, printed too if `show`; nothing where it has no rows."""
        if not rows:
            return
        self._parts.append(f"## {title}\n\n{markdown(header, rows)}")
        if show:
            _print(title, header, rows)

    def picture(self, path: Path) -> None:
        """A picture below `plots/`."""
        self._parts.append(f"![{path.stem}](plots/{path.name})")

    def write(self, folder: Path) -> Path:
        """Write `report.md`."""
        path = folder / "report.md"
        write_text(path, "\n\n".join(self._parts) + "\n")
        return path


def header_table(settings: Mapping[str, object]) -> tuple[Sequence[str], Rows]:
    """What was asked how, as a table of two columns."""
    return ("convention", "value"), [(name, str(value)) for name, value in settings.items()]


def markdown(header: Sequence[str], rows: Rows) -> str:
    """A table in markdown; line ends and bars within a cell are made harmless."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _print(title: str, header: Sequence[str], rows: Rows) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(str(cell).replace("[", "\\[") for cell in row))
    Console().print(table)

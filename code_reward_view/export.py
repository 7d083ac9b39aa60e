"""The page as one file that needs no server: the same page, its data inside it. What `rm_train.evaluate` leaves beside its figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from code_reward.errors import DataError
from code_reward.files import write_text
from code_reward_view import answers
from code_reward_view.run import Run, Source
from code_reward_view.table import Query

ROWS = 200
"""Answers in the table of such a page; those that err most are in it whole, however many there are."""
_PER_CLUSTER = 5
_NO_NETWORK = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'\">"
)


def read_static(name: str) -> str:
    """One of the page's files."""
    return (resources.files("code_reward_view") / "static" / name).read_text(encoding="utf-8")


def write_page(data: Path, page: Path, seed: int = 0, findings: Sequence[str] = ()) -> None:
    """Write what the page would show of a file of answers, or of a run's folder, into one HTML file.

    `seed` is that of the calibration, so that it is the one of the figures beside the page. `findings` are sentences that the page begins
    with, before its own. Raises `DataError` where there are no answers.
    """
    run = Run(data)
    source = run.first
    source.refresh()
    if not len(source.table):
        raise DataError(f"{data} holds no answers; give the folder of a run, or a file whose rows have a response or a program.")
    text = json.dumps(_told(run, source, seed, findings), ensure_ascii=True)
    # The one thing that could end the element early.
    inside = f'<script type="application/json" id="told">{text.replace("<", chr(92) + "u003c")}</script>'
    style, script = (f"<{tag}>{read_static(name)}</{tag}>" for tag, name in (("style", "page.css"), ("script", "page.js")))
    html = read_static("page.html")
    html = html.replace('<link rel="stylesheet" href="/static/page.css">', _NO_NETWORK + style)
    html = html.replace('<script src="/static/page.js" defer></script>', "")
    write_text(page, html.replace("</body>", f"{inside}{script}</body>"))


def _told(run: Run, source: Source, seed: int, findings: Sequence[str]) -> dict[str, Any]:
    """Every answer of the server that the page will ask for, by its path."""
    errors = answers.tell_errors(source)
    figures = answers.tell_figures(source, seed)
    figures["findings"] = [*({"tone": "plain", "text": text} for text in findings), *figures["findings"]]
    table = answers.tell_rows(source, Query(sort=figures["counts"]["value"], descending=True), 0, ROWS)
    table["total"] = len(table["rows"])
    wanted = {row[0] for row in table["rows"]}
    for side in errors.values():
        for cluster in side["clusters"]:
            cluster["rows"] = cluster["rows"][:_PER_CLUSTER]
            wanted |= set(cluster["rows"])
    for cloud in figures["clouds"]:
        cloud["points"] = [[row if row in wanted else None, *others] for row, *others in cloud["points"]]
    sources = answers.list_sources(run)
    state = answers.state_of(source)
    return {
        "sources": {**sources, "run": source.name, "first": 0, "sources": [{**state, "number": 0}]},
        "state": {**state, "number": 0},
        "figures": figures,
        "errors": errors,
        "rows": table,
        "details": {str(row): answers.tell_detail(source, row) for row in sorted(wanted)},
    }

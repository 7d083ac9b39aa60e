"""The report of a rescored run: report.json, and report.html, which is `code-reward view`'s page with what was found in front."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from code_reward.files import write_text
from code_reward_view.export import write_page

NAMES = {"rm": "the reward model", "tests": "the tests", "judge": "the judge", "stored": "the run's own reward"}


def write_report(folder: Path, found: dict[str, Any]) -> list[str]:
    """Write both; the sentences that the page begins with."""
    sentences = [*_against_tests(found), *_between(found), *_advantages(found)]
    write_text(folder / "report.json", json.dumps(found, indent=1) + "\n")
    write_page(folder / "answers.jsonl", folder / "report.html", findings=sentences)
    return sentences


def _against_tests(found: dict[str, Any]) -> list[str]:
    told = []
    for name, figures in found["against_tests"].items():
        if figures["auc"] is not None:
            pairs = (
                f"; of {figures['pairs']:,} pairs within a group it orders {figures['pair_accuracy']:.1%} right" if figures["pairs"] else ""
            )
            told.append(f"{_named(name)} against the tests: AUC {figures['auc']:.3f} over {figures['answers']:,} answers{pairs}.")
    return told


def _between(found: dict[str, Any]) -> list[str]:
    told = []
    for names, figures in found["between"].items():
        one, other = names.split(" and ")
        if "tests" not in (one, other) and figures["spearman"] is not None:
            same = f", the same order in {figures['same_order']:.1%} of {figures['pairs']:,} pairs" if figures["pairs"] else ""
            told.append(f"{_named(one)} and {NAMES[other]}: rank correlation {figures['spearman']:.3f}{same}.")
    return told


def _advantages(found: dict[str, Any]) -> list[str]:
    told = []
    for name, figures in found["advantages"].items():
        if figures["groups_that_teach"] is None:
            told.append(f"{_named(name)} gave no group two verdicts, so nothing is known of its advantages.")
            continue
        text = f"With {NAMES[name]} {figures['groups_that_teach']:.0%} of the groups teach anything"
        if figures.get("correlation_with_tests") is not None:
            text += f"; its advantages correlate {figures['correlation_with_tests']:.2f} with those of the tests"
        if figures.get("opposite_sign") is not None:
            text += f" and have the opposite sign for {figures['opposite_sign']:.1%} of the answers"
        told.append(f"{text}.")
    return told


def _named(name: str) -> str:
    return NAMES[name][0].upper() + NAMES[name][1:]

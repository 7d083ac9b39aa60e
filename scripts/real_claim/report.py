"""The report of the comparison, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from code_reward.metrics import Interval
from scripts.real_claim.choosing import TESTS
from scripts.real_claim.study import Study


def report(study: Study, header: Sequence[str]) -> str:
    """Two tables: scoring, and choosing where there were tests."""
    right = sum(int(problem.passed.sum()) for problem in study.problems)
    programs = sum(len(problem.passed) for problem in study.problems)
    lines = ["# A reward without tests on real code", "", *header, ""]
    lines += [f"{len(study.problems)} problems, {programs} distinct programs, {right} of them right.", ""]
    seconds, cpu = (np.median([getattr(problem, name) for problem in study.problems]) for name in ("seconds", "cpu_seconds"))
    lines += [f"To read the distinct programs of a problem took {seconds:.1f} s ({cpu:.1f} s of CPU), the median.", ""]
    sizes = " | ".join(f"best of {size}" for size in study.sizes)
    lines += [f"| score | pair accuracy | over seeds | AUC | ECE | {sizes} |", "| --- " * (5 + len(study.sizes)) + "|"]
    for name in study.rows:
        found = study.figures(name)
        cells = " | ".join(_percent(found.best_of[size]) for size in study.sizes)
        accuracy, area = _three(found.pair_accuracy), _three(found.auc)
        lines.append(f"| {name} | {accuracy} | ± {found.spread:.3f} | {area} | {found.ece:.3f} | {cells} |")
    if study.choices:
        counted = len(next(iter(study.choices.values()))[0])
        lines += [
            "",
            f"Choosing among all candidates of {counted} problems:",
            "",
            "| choosing | right, % | over CodeT | over `vouched_vote` |",
            "| --- | --- | --- | --- |",
        ]
        for name in study.choices:
            right_share, over_codet = study.choice(name, "CodeT")
            over_vouched = study.choice(name, TESTS)[1]
            lines.append(f"| {name} | {_percent(right_share)} | {_percent(over_codet, '+')} | {_percent(over_vouched, '+')} |")
    return "\n".join(lines) + "\n"


def _three(one: Interval) -> str:
    return f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _percent(one: Interval, sign: str = "") -> str:
    estimate, low, high = (format(round(100 * value, 1) + 0.0, f"{sign}.1f") for value in (one.estimate, one.low, one.high))
    return f"{estimate} [{low}, {high}]"

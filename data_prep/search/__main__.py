"""Grow trees: `python -m data_prep.search --problems F --out DIR`, with an offline policy, or with `--endpoints F` a language model."""

from __future__ import annotations

from collections import Counter

from code_reward.cli import run
from data_prep.search.settings import Search


def main(settings: Search) -> None:
    """Grow the trees and say what came of them."""
    from rich.progress import Progress

    from data_prep.search.outcome import check_judged
    from data_prep.sources import load

    number, count = settings.part()
    outcomes: Counter[str] = Counter()
    with Progress() as bar:
        task = bar.add_task("growing trees", total=len(load(settings.source, settings.problems)[number::count]))

        def told(trees: int, ended: list[str]) -> None:
            outcomes.update(ended)
            bar.advance(task, trees)

        def paid(calls: int) -> None:
            bar.update(task, description=f"growing trees, {calls:,} calls paid")

        if settings.ray is None:
            from data_prep.search.session import grow_part

            spent = grow_part(settings, told, paid)
        else:
            from data_prep.search.cluster import grow_parts

            spent = grow_parts(settings, told, paid)
    print(f"{spent.trees} trees: {settings.out}; {spent.calls} calls paid, {spent.tokens} tokens")
    for outcome, times in outcomes.most_common():
        print(f"  {outcome:<40} {times}")
    check_judged(settings.out)


if __name__ == "__main__":
    run(Search, main)

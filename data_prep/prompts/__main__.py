"""Make prompt data for slime or verl from a published data set: `python -m data_prep.prompts SOURCE --path FILE --out PROMPTS`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError, DataError
from data_prep.prompts.row import INSTRUCTION

if TYPE_CHECKING:
    from code_reward.problem import Problem
    from data_prep.prompts.filters import Dropped, Sieve
    from data_prep.prompts.report import Report


class Prompts(Command):
    """Make prompt data for slime or verl from a published data set, filtered, without doubles and without benchmarks."""

    source: CliPositionalArg[str]
    """opencodeinstruct, kodcode, deepcoder, problems (our own files), or any other source of data_prep.sources."""
    out: Path
    """File for the prompts: .jsonl for slime, .parquet for verl; the report goes beside it, as OUT.report.json."""
    path: list[Path] = Field(default=[])
    """A published file; may be given several times."""
    hub: str | None = None
    """A data set on the Hugging Face hub instead, such as KodCode/KodCode-V1."""
    hub_config: str | None = None
    """Its configuration."""
    split: str = "train"
    """Its split."""
    revision: str | None = None
    """Its revision; fix one to get the same prompts again."""
    rows: int | None = Field(default=None, gt=0)
    """Read only this many rows of it."""
    against: list[Path] = Field(default=[])
    """A benchmark's file, whose tasks must not be among the prompts; may be given several times."""
    where: dict[str, str] = Field(default={})
    """Keep only rows with this value of a column: --where style=instruct."""
    at_least: dict[str, float] = Field(default={})
    """Keep only rows with at least this value of a column: --at-least average_test_score=1."""
    with_tests: bool = False
    """Keep only problems that have tests, which the unit-test reward needs."""
    max_characters: int = Field(default=20_000, gt=0)
    """Longest statement."""
    limit: int | None = Field(default=None, gt=0)
    """Prompts to write, chosen by the seed."""
    held_out: int = Field(default=0, ge=0)
    """Problems with tests to keep out of the prompts for evaluation; they go to OUT.held_out.jsonl."""
    instruction: str = INSTRUCTION
    """What stands below the statement in the prompt; may be empty."""
    as_problems: bool = False
    """Write problems, which the entry points for TRL read, in the place of slime's rows; --instruction does not matter then."""
    seed: int = 42
    """Seed of choice and order."""


def main(settings: Prompts) -> None:
    """Read, sift, choose, write, and say what became of every row."""
    from code_reward.files import write_text
    from data_prep.prompts.filters import Dropped

    if settings.out.suffix not in (".jsonl", ".parquet"):
        raise ConfigurationError(f"--out {settings.out}: give a name that ends in .jsonl (slime) or .parquet (verl).")
    kept, dropped = _sift(settings)
    held_out, prompts = _part(kept, settings)
    dropped += [Dropped("surplus", problem.id) for problem in prompts[settings.limit :]] if settings.limit else []
    prompts = prompts[: settings.limit]
    report = _report(settings, dropped, prompts, held_out)
    if not prompts:
        account = "; ".join(" ".join(line.split()) for line in report.lines())
        raise DataError(f"No row became a prompt ({account}); give other rows, or ask less of them.")
    _write(settings.out, settings, prompts)
    if held_out:
        _write(beside(settings.out, f"held_out{settings.out.suffix}"), settings, held_out)
    write_text(beside(settings.out, "report.json"), report.model_dump_json(indent=2) + "\n")
    print(*report.lines(), sep="\n")


def _write(out: Path, settings: Prompts, problems: list[Problem]) -> None:
    """Problems as they are, as slime's rows, or in verl's columns."""
    from code_reward.rows import write_rows
    from data_prep.prompts.row import to_row, write_verl

    if settings.as_problems:
        write_rows(out, problems)
    elif out.suffix == ".jsonl":
        write_rows(out, [to_row(problem, settings.instruction) for problem in problems])
    else:
        write_verl(out, problems, settings.instruction)


def beside(out: Path, ending: str) -> Path:
    """The file that goes with the prompts: prompts.jsonl and prompts.report.json."""
    return out.with_name(f"{out.stem}.{ending}")


def _inputs(settings: Prompts) -> list[Path]:
    if bool(settings.path) == bool(settings.hub):
        raise ConfigurationError("Give the data set's files with --path, or its name on the hub with --hub.")
    if settings.hub is None:
        return settings.path
    from data_prep.prompts.hub import fetch

    fetched = beside(settings.out, "rows.jsonl")
    fetch(settings.hub, fetched, config=settings.hub_config, split=settings.split, revision=settings.revision, rows=settings.rows)
    return [fetched]


def _sift(settings: Prompts) -> tuple[list[Problem], list[Dropped]]:
    from data_prep.prompts.filters import Dropped

    sieve, kept, dropped = _sieve(settings), [], []
    for problem in _problems(settings):
        judged = sieve.judge(problem)
        if isinstance(judged, Dropped):
            dropped.append(judged)
        else:
            kept.append(judged)
    return kept, dropped


def _sieve(settings: Prompts) -> Sieve:
    from data_prep.prompts.decontamination import Benchmarks, read_benchmark
    from data_prep.prompts.filters import Sieve

    return Sieve(
        benchmarks=Benchmarks({str(path): read_benchmark(path) for path in settings.against}),
        max_characters=settings.max_characters,
        with_tests=settings.with_tests,
        where=settings.where,
        at_least=settings.at_least,
    )


def _problems(settings: Prompts) -> Iterator[Problem | DataError]:
    from itertools import islice

    from rich.progress import track

    from data_prep.sources import SOURCES

    source = SOURCES.get(settings.source)
    rows = (problem for path in _inputs(settings) for problem in source.survey(path))
    yield from track(islice(rows, settings.rows), "reading", transient=True)


def _part(kept: list[Problem], settings: Prompts) -> tuple[list[Problem], list[Problem]]:
    """The problems held out, which have tests, and all others in the seed's order."""
    from data_prep.prompts.filters import choose

    held_out = choose([problem for problem in kept if problem.tests], settings.held_out, settings.seed)
    if len(held_out) < settings.held_out:
        raise DataError(f"Only {len(held_out)} problems have tests, fewer than --held-out {settings.held_out}; hold out fewer.")
    out_ids = {problem.id for problem in held_out}
    return held_out, choose([problem for problem in kept if problem.id not in out_ids], None, settings.seed)


def _report(settings: Prompts, dropped: list[Dropped], prompts: list[Problem], held_out: list[Problem]) -> Report:
    from code_reward.files import digest
    from data_prep.prompts.decontamination import read_benchmark
    from data_prep.prompts.report import Report, kinds, losses

    files = settings.path or [beside(settings.out, "rows.jsonl")]
    return Report(
        source=settings.source,
        inputs={str(path): digest(path) for path in (*files, *settings.against)},
        seed=settings.seed,
        read=len(prompts) + len(held_out) + len(dropped),
        dropped=losses(dropped),
        prompts=len(prompts),
        held_out=len(held_out),
        tests=kinds(prompts),
        benchmarks={str(path): len(read_benchmark(path)) for path in settings.against},
    )


if __name__ == "__main__":
    run(Prompts, main)

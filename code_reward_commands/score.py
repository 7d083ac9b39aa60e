"""`code-reward score`: answers without labels in, scores and verdicts out.

Each row comes back with `verdict` (`scored`, `rejected` or `missing`), `reason` and `score` added. Every verdict that was had is in a
journal before the next is asked for, so that a killed run continues; a missing one is asked for again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError
from code_reward.files import replacing
from code_reward.journal import Journal
from code_reward.reference import Dtype
from code_reward.rows import writing_rows
from code_reward.verdict import Verdict, from_record, to_record
from code_reward_commands.answers import Answer, read_answers
from code_reward_commands.judging import Judge, judging
from code_reward_commands.progress import Progress, progress

BATCH = 256


class Score(Command):
    """Score answers with a reward model: a folder, loaded here, or servers of it.

    A row of the input has `statement` and `response` (or `program`), and perhaps `entry_point`; all its columns come back, with `verdict`,
    `reason` and `score` added.
    """

    answers: CliPositionalArg[list[str]]
    """Files of answers (.jsonl, .jsonl.gz, .parquet); - reads JSONL from standard input."""
    model: Path
    """Reward model folder; with --url its small files suffice (code_reward.json, reference_scores.json, the tokenizer)."""
    url: list[str] = Field(default=[])
    """Address of a server of that model; several share the load. Without it the model is loaded here."""
    out: str = "-"
    """File for the scored answers (.jsonl or .parquet), a journal and OUT.progress.json beside it; - prints JSONL."""
    problems: Path | None = None
    """Problem file with the statements, for answers that only name their problem_id."""
    dtype: Dtype = "float32"
    """What the model computes in, here or at its servers."""
    device: str = "cpu"
    """Where a model that is loaded here runs: cpu, cuda."""
    explain: bool = False
    """Also say the score of each program up to each of its lines (`line_scores`), for models trained on prefixes."""


class ScoredAnswer(BaseModel):
    """A row of the output: what was given, and the verdict."""

    model_config = ConfigDict(extra="allow")

    verdict: str
    reason: str | None
    score: float | None


async def score_all(answers: Iterable[Answer], judge: Judge, model: str, journal: Journal | None, told: Progress) -> Any:
    """An async iterator of (answer, verdict), in order; `model` tells journals of different reward models apart."""
    answers = iter(answers)
    while batch := list(islice(answers, BATCH)):
        keys = [_key(answer, model) for answer in batch]
        verdicts = {key: from_record(journal.records[key]) for key in keys if journal and key in journal.records}
        todo = {key: answer for key, answer in zip(keys, batch, strict=True) if key not in verdicts}
        for key, verdict in zip(todo, await judge(list(todo.values())) if todo else [], strict=True):
            verdicts[key] = verdict
            record = to_record(verdict)
            if journal and record["verdict"] != "missing":
                journal.write(key, record)
        for key, answer in zip(keys, batch, strict=True):
            told.add(to_record(verdicts[key])["verdict"])
            yield answer, verdicts[key]


def _key(answer: Answer, model: str) -> str:
    parts = json.dumps([model, answer.statement, answer.entry_point, answer.response])
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@contextmanager
def writing(out: str) -> Iterator[Callable[[BaseModel], None]]:
    """Gives what writes a row: to standard output, or to a file that appears when all is done."""
    if out == "-":
        yield lambda row: print(row.model_dump_json(), flush=True)
    elif out.endswith(".parquet"):
        with writing_rows(out) as write:
            yield write
    elif out.endswith(".jsonl"):
        with replacing(out) as temporary, temporary.open("wb") as file:

            def write_line(row: BaseModel) -> None:
                file.write(json.dumps(row.model_dump(mode="json"), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

            yield write_line
    else:
        raise ConfigurationError(f"--out {out}: unknown file type; use .jsonl or .parquet, or - for standard output.")


def main(settings: Score) -> int:
    """Score, write, and say what came of it; 1 if a verdict is missing."""
    counts = asyncio.run(_score(settings))
    said = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    print(f"{sum(counts.values()):,} answers: {said}{'' if settings.out == '-' else f': {settings.out}'}", file=sys.stderr)
    if counts.get("missing"):
        print("error: some verdicts are missing; mend the reward model or its server and give the same command again.", file=sys.stderr)
    return int("missing" in counts)


async def _score(settings: Score) -> dict[str, int]:
    path = None if settings.out == "-" else Path(settings.out)
    with writing(settings.out) as write, Journal(f"{path}.journal") if path else nullcontext() as journal:
        answers = read_answers(settings.answers, settings.problems)
        async with judging(settings.model, settings.url, settings.dtype, settings.device) as judge:
            with progress("scoring", Path(f"{path}.progress.json") if path else None) as told:
                async for answer, verdict in score_all(answers, judge, digest_of(settings.model), journal, told):
                    lines = await judge.lines(answer) if settings.explain else []
                    write(row_of(answer, verdict, lines))
                return told.counts


def row_of(answer: Answer, verdict: Verdict, line_scores: list[float | None]) -> ScoredAnswer:
    """The row that is written for an answer."""
    more = {"line_scores": line_scores} if line_scores else {}
    return ScoredAnswer.model_validate({**answer.row, **to_record(verdict), **more})


def digest_of(model: Path) -> str:
    """What tells one reward model from another: its reference scores."""
    return hashlib.sha256((model / "reference_scores.json").read_bytes() + (model / "code_reward.json").read_bytes()).hexdigest()


def start(words: list[str], program: str | None = None) -> None:
    """Run the command on the words after its name."""
    run(Score, main, words, program)


if __name__ == "__main__":
    start(sys.argv[1:])

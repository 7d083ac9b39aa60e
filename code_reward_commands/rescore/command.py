"""`code-reward rescore RUN`: what other rewards would have said of a run's rollouts, without its policy."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError, DataError
from code_reward.reference import Dtype

if TYPE_CHECKING:
    from code_reward.verdict import Verdict
    from code_reward_commands.judging import Judge
    from code_reward_commands.rescore.agreement import Columns
    from code_reward_commands.rescore.parties import Party
    from code_reward_commands.rescore.records import Records
    from code_reward_commands.rescore.stored import Stored

BATCH = 128


class Rescore(Command):
    """Judge the stored rollouts of a run again: by a reward model (--model), the problems' tests (--tests), a language model (--judge).

    Says how well each orders right above wrong, how far they agree, and what the advantages would have been.
    """

    rollouts: CliPositionalArg[list[Path]]
    """Folder of a run, or files: slime's --save-debug-rollout-data (.pt), NAME.rollouts.jsonl, TRL's completions (.parquet)."""
    out: Path
    """Folder for answers.jsonl, report.json and report.html; the same command goes on where it was stopped."""
    model: Path | None = None
    """Reward model folder; with --url its small files suffice."""
    url: list[str] = Field(default=[])
    """Address of a server of that model; several share the load. Without it the model is loaded here."""
    tests: bool = False
    """Run the tests of the problems, as the truth."""
    judge: Path | None = None
    """YAML file that says which language model judges: the keys of code_reward_judge (docs/slime_judge.md)."""
    problems: Path | None = None
    """Problem file, for rollouts that do not carry their statement and tests."""
    sandbox: str | None = None
    """Address of a sandbox server; without it programs run in this machine's own sandbox."""
    cpu_seconds: float = Field(default=3.0, gt=0)
    """CPU seconds that a program may use per test."""
    shaping: str = "default"
    """How raw scores become rewards, for the advantages: default, codescaler, coderm-nt, or a plugin's preset; raw says nothing
    of rejected answers."""
    explain: bool = False
    """Also say the reward model's score of each program up to each of its lines, for models trained on prefixes."""
    dtype: Dtype = "float32"
    """What the reward model computes in, here or at its servers."""
    device: str = "cpu"
    """Where a reward model that is loaded here runs."""


def main(settings: Rescore) -> int:
    """Judge, report, and say what was found; 1 if a verdict is missing."""
    from code_reward.problem import load_problems
    from code_reward.shaping import shape
    from code_reward.verdict import Rejected
    from code_reward_commands.rescore.agreement import STORED, Columns, agreement
    from code_reward_commands.rescore.records import Records
    from code_reward_commands.rescore.report import write_report
    from code_reward_commands.rescore.stored import files_of, read_stored

    if settings.model is None and not settings.tests and settings.judge is None:
        raise ConfigurationError("Nobody judges: give --model, --tests or --judge.")
    if settings.model is None and (settings.url or settings.explain):
        raise ConfigurationError("--url and --explain need --model, the reward model's folder.")
    # A preset that cannot say what a rejected answer is worth is found now and not after the last verdict.
    shape(Rejected("no_code"), settings.shaping)
    files = [file for path in settings.rollouts for file in files_of(path)]
    problems = {problem.id: problem for problem in load_problems(settings.problems)} if settings.problems else {}
    with Records(settings.out, _made_of(settings, files)) as records:
        judges = asyncio.run(_judge(settings, read_stored(files, problems), records))
        missing = len(records.open)
        if not records.count:
            raise DataError(f"{' and '.join(map(str, settings.rollouts))}: no rollout in it; give the rollouts of a run.")
    columns = Columns([*judges, STORED], settings.shaping)
    for row in records.rows():
        columns.add(row)
    if set(columns.verdicts.get("tests", ())) == {"nothing to say"}:
        raise DataError("No rollout carries tests; give --problems, the file that has them, or leave out --tests.")
    for sentence in write_report(settings.out, agreement(columns)):
        print(sentence)
    print(f"{records.count:,} answers: {settings.out / 'report.html'}", file=sys.stderr)
    if missing:
        print(f"error: verdicts on {missing:,} are missing ({_why(columns)}); mend that and give the same command again.", file=sys.stderr)
    return int(missing > 0)


def _why(columns: Columns) -> str:
    """Whose verdicts are missing, and for what reasons."""
    from code_reward_commands.rescore.report import NAMES

    told = [(NAMES[name], count, reason) for name, reasons in columns.open.items() for reason, count in reasons.most_common()]
    return ", ".join(f"of {name} {count:,} {reason}" for name, count, reason in told)


def _made_of(settings: Rescore, files: Sequence[Path]) -> dict[str, Any]:
    """What the answers are and who judges them; the sizes of files stand for their content."""
    from code_reward_commands.score import digest_of

    return {
        "files": [[str(file), file.stat().st_size] for file in files],
        "problems": None if settings.problems is None else str(settings.problems),
        "model": None if settings.model is None else digest_of(settings.model),
        "tests": [settings.cpu_seconds] if settings.tests else None,
        "judge": None if settings.judge is None else _voice_of(settings.judge),
        "explain": settings.explain,
    }


def _voice_of(path: Path) -> dict[str, Any]:
    """What decides a language model's verdicts; where it is served, and what it may cost, may change."""
    from code_reward_commands.rescore.parties import judge_settings

    return judge_settings(path).model_dump(
        include={"model", "votes", "style", "traces", "comments", "temperature", "top_p", "reply_tokens"}
    )


async def _judge(settings: Rescore, answers: Iterator[Stored], records: Records) -> list[str]:
    """Have every answer judged that is not yet; the names of those who judge."""
    from code_reward_commands.progress import progress

    async with AsyncExitStack() as stack:
        parties, model = await _parties(settings, stack)
        with progress("judging", settings.out / "progress.json") as told:
            wanted = (answer for answer in answers if records.wants(answer.number))
            while batch := list(islice(wanted, BATCH)):
                for row in await _rows(batch, parties, model if settings.explain else None):
                    records.add(row)
                told.add("answers", len(batch))
    return list(parties)


async def _parties(settings: Rescore, stack: AsyncExitStack) -> tuple[dict[str, Party], Judge | None]:
    from code_reward_commands.rescore import parties
    from reward_servers.sandbox.outcome import Limits

    found: dict[str, Party] = {}
    model = None
    if settings.model is not None:
        work = parties.reward_model(settings.model, settings.url, settings.dtype, settings.device)
        found["rm"], model = await stack.enter_async_context(work)
    if settings.tests:
        limits = Limits(cpu_seconds=settings.cpu_seconds, wall_seconds=max(15.0, 5 * settings.cpu_seconds))
        found["tests"] = await stack.enter_async_context(parties.tests(settings.sandbox, limits))
    if settings.judge is not None:
        judge = parties.language_model(parties.judge_settings(settings.judge), settings.sandbox, settings.out / "judge_spent.jsonl")
        found["judge"] = await stack.enter_async_context(judge)
    return found, model


async def _rows(batch: Sequence[Stored], parties: Mapping[str, Party], model: Judge | None) -> list[dict[str, Any]]:
    from code_reward_commands.rescore.parties import answer_to, ask

    said = dict(zip(parties, await asyncio.gather(*(ask(party, batch) for party in parties.values())), strict=True))
    rows = []
    for place, stored in enumerate(batch):
        row = _row(stored, {name: verdicts[place] for name, verdicts in said.items()})
        lines = await model.lines(answer_to(stored)) if model is not None and stored.judged else []
        rows.append({**row, "line_scores": lines} if lines else row)
    return rows


def _row(stored: Stored, said: Mapping[str, Verdict | None]) -> dict[str, Any]:
    """The line of an answer: what the page shows (its verdict is the first judge's, but the tests'), and what everybody said."""
    from code_reward.verdict import to_record

    records = {name: None if verdict is None else to_record(verdict) for name, verdict in said.items()}
    shown = next((records[name] for name in ("rm", "judge", "tests") if records.get(name)), None)
    truth = records.get("tests")
    return {
        "number": stored.number,
        "step": stored.step,
        "problem_id": stored.problem.id,
        "rollout_group": stored.group,
        "statement": stored.problem.statement,
        "entry_point": stored.problem.entry_point,
        "response": stored.response,
        "reward": stored.reward,
        **(shown or {}),
        "passed": None if truth is None or truth["verdict"] == "missing" else truth["score"] == 1.0,
        "said": records,
    }


def start(words: list[str], program: str | None = None) -> None:
    """Run the command on the words after its name."""
    run(Rescore, main, words, program)


if __name__ == "__main__":
    start(sys.argv[1:])

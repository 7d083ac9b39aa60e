"""Sample programs from a policy: `python -m code_reward_trl.sample`.

Writes one row per completion, in the order of the problems; what the completion is worth is for other stages to say. Every batch is in a
journal as soon as it is drawn, so that a run that was killed continues.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, Field

from code_reward.cli import Command, run
from code_reward.pools import Pool


class Completion(BaseModel):
    """One answer of a policy to one problem."""

    problem_id: str
    response: str


class Sample(Command):
    """Sample completions of a policy for every problem of a file."""

    policy: Path
    """Folder of a causal language model."""
    problems: Path
    """Problem file (JSONL or parquet)."""
    out: Path
    """File for the completions; beside it lies a journal, from which a killed run continues."""
    samples: int = 8
    """Completions per problem."""
    temperature: float = 1.0
    """Sampling temperature."""
    max_new_tokens: int = 128
    """Longest completion in tokens; longer answers are truncated and count as such."""
    batch_size: int = 256
    """Completions generated at once."""
    processes: int = Field(default=1, ge=1)
    """Processes that sample side by side; on a CPU, one for each core."""
    seed: int = 0
    """Seed of the sampling."""


def main(settings: Sample) -> None:
    """Sample and write the file."""
    from rich.progress import track

    from code_reward.folders import require_folder
    from code_reward.journal import Journal
    from code_reward.problem import load_problems
    from code_reward.rows import write_rows

    require_folder(settings.policy, "a causal language model")
    asked = [problem for problem in load_problems(settings.problems) for _ in range(settings.samples)]
    statements = [problem.statement for problem in asked]
    batches = [statements[start : start + settings.batch_size] for start in range(0, len(statements), settings.batch_size)]
    run_of = _name(settings)
    keys = [f"{run_of}/{number}" for number in range(len(batches))]
    with Journal(f"{settings.out}.journal") as journal:
        absent = {number: batches[number] for number, key in enumerate(keys) if key not in journal.records}
        if absent:
            title = f"sampling {sum(map(len, absent.values()))} completions"
            with sampling(settings) as draw:
                for number, responses in zip(absent, track(draw(absent), title, total=len(absent)), strict=True):
                    journal.write(keys[number], responses)
        every = [response for key in keys for response in journal.records[key]]
    rows = [Completion(problem_id=problem.id, response=response) for problem, response in zip(asked, every, strict=True)]
    write_rows(settings.out, rows)


def _name(settings: Sample) -> str:
    """Names all that decides what is drawn: two runs of one name draw the same."""
    from code_reward.files import digest

    parts = [
        digest(settings.policy),
        digest(settings.problems),
        settings.model_dump_json(exclude={"policy", "problems", "out", "processes"}),
    ]
    return sha256("\n".join(parts).encode()).hexdigest()


@contextmanager
def sampling(settings: Sample) -> Iterator[Callable[[Mapping[int, Sequence[str]]], Iterator[list[str]]]]:
    """Gives a function from numbered batches of statements to their completions, in order, drawn in `settings.processes` processes.

    Every batch has a seed of its own, so the number of processes changes no completion.
    """
    if settings.processes == 1:
        worker = Worker(settings)
        yield lambda batches: (worker.draw(*numbered) for numbered in batches.items())
        return
    # Forked, so that torch is imported once; nothing has been computed yet, and so there are no threads of its that a fork would lose.
    import code_reward_trl.policy  # noqa: F401

    with Pool(settings.processes, _start, (settings,), fork=True) as pool:
        yield lambda batches: pool.map(_draw, batches.keys(), batches.values())


_worker: Worker


class Worker:
    """A policy in memory, and how it is sampled from."""

    def __init__(self, settings: Sample) -> None:
        from code_reward_trl.policy import load_policy
        from rm_train.training import quiet

        quiet()
        self._settings = settings
        self._model, self._tokenizer = load_policy(settings.policy)

    def draw(self, number: int, statements: Sequence[str]) -> list[str]:
        """The completions of batch `number`."""
        from code_reward_trl.policy import sample

        settings = self._settings
        seed = random.Random(f"{settings.seed} {number}").getrandbits(63)
        options = {"max_new_tokens": settings.max_new_tokens, "temperature": settings.temperature, "seed": seed}
        return sample(self._model, self._tokenizer, statements, **options)


def _start(settings: Sample) -> None:
    global _worker
    _worker = Worker(settings)


def _draw(number: int, statements: Sequence[str]) -> list[str]:
    return _worker.draw(number, statements)


if __name__ == "__main__":
    run(Sample, main)

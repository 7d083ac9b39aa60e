"""Sample programs from a policy: `python -m code_reward_trl.sample`.

Writes one row per completion, in the order of the problems; what the completion is worth is for other stages to say.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from code_reward.cli import Command, run


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
    """File for the completions."""
    samples: int = 8
    """Completions per problem."""
    temperature: float = 1.0
    """Sampling temperature."""
    max_new_tokens: int = 128
    """Longest completion in tokens; longer answers are truncated and count as such."""
    batch_size: int = 256
    """Completions generated at once."""
    seed: int = 0
    """Seed of the sampling."""


def main(settings: Sample) -> None:
    """Sample and write the file."""
    from rich.progress import track

    from code_reward.problem import load_problems
    from code_reward.rows import write_rows
    from code_reward_trl.policy import load_policy, sample
    from rm_train.training import quiet

    quiet()
    problems = load_problems(settings.problems)
    model, tokenizer = load_policy(settings.policy)
    asked = [problem for problem in problems for _ in range(settings.samples)]
    batches = sample(
        model,
        tokenizer,
        [problem.statement for problem in asked],
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    total = -(-len(asked) // settings.batch_size)
    responses = [response for batch in track(batches, f"sampling {len(asked)} completions", total=total) for response in batch]
    rows = [Completion(problem_id=problem.id, response=response) for problem, response in zip(asked, responses, strict=True)]
    write_rows(settings.out, rows)


if __name__ == "__main__":
    run(Sample, main)

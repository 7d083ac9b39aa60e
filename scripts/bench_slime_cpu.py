"""How much better slime makes the quickstart's policy with the quickstart's reward model: `make bench-slime-cpu`.

slime's own training script on CPU, with the same sizes as the quickstart's own reinforcement; what differs is the trainer. Test problems
are sampled and executed as in the quickstart, before (by it) and after (here). An interrupted run goes on from slime's last checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError
from scripts.quickstart.settings import Sizes

if TYPE_CHECKING:
    from scripts.quickstart.stage import Stage


class BenchSlimeCpu(Command):
    """Train the quickstart's policy with slime itself and measure pass@1 before and after."""

    quickstart: Path = Path("runs/quickstart")
    """Folder of a quickstart that is done: the policy, rm, problems and before.parquet of `seed` are read."""
    out: Path = Path("runs/bench_slime_cpu")
    """Folder for slime's run and for the figures (seedN/figures.json)."""
    seed: int = 0
    """Seed of the quickstart, of slime's sampling and order, and of the test samples."""
    script: Literal["train.py", "train_async.py"] = "train.py"
    """slime's training script; the second generates the next rollout while it trains, with the policy of one step before."""
    steps: int = Sizes().rl_steps
    """Rollouts, each a step."""
    prompts: int = 8
    """Problems per step."""
    group: int = 8
    """Completions per problem."""
    learning_rate: float = Sizes().rl_learning_rate
    """Learning rate, falling linearly."""
    response: int = 128
    """Longest completion in tokens."""
    test_samples: int = 8
    """Samples per test problem, as in the quickstart."""

    @property
    def start(self) -> Path:
        return self.quickstart.resolve() / f"seed{self.seed}"


def main(settings: BenchSlimeCpu) -> int:
    """Train, test, and print the gain."""
    from scripts.quickstart.stage import Run, console
    from scripts.slime_cpu.progress import follow, report
    from scripts.slime_cpu.recipe import running

    _demand(settings)
    out = settings.out.resolve() / f"seed{settings.seed}"
    out.mkdir(parents=True, exist_ok=True)
    policy = out / f"policy_{settings.steps - 1}"
    if not (policy / "config.json").exists():
        with running(settings.script, training_flags(settings, out), out / "log.txt") as process:
            status = follow(process, out, settings.steps)
        if status != 0:
            report(out, status)
            return status
    work = Run(out)
    work.do(_test(settings, policy))
    console.print_json(data=gains(settings.start, out))
    return 0


def _demand(settings: BenchSlimeCpu) -> None:
    for name in ("policy", "rm", "problems/rl.jsonl", "problems/test.jsonl", "before.parquet"):
        if not (settings.start / name).exists():
            raise ConfigurationError(f'{settings.start} has no {name}; make it: make quickstart ARGS="--seed {settings.seed}".')


def training_flags(settings: BenchSlimeCpu, out: Path) -> list[str]:
    """slime's options, from the last checkpoint where there is one."""
    from code_reward.problem import load_problems
    from scripts.quickstart.stages import TEMPERATURE
    from scripts.slime_cpu.recipe import prepare, sizes

    problems = load_problems(settings.start / "problems" / "rl.jsonl")
    checkpoints = out / "checkpoints"
    resumed = ("--load", checkpoints) if (checkpoints / "latest_checkpointed_iteration.txt").exists() else ()
    at_once = settings.prompts * settings.group
    words = (
        *prepare(out, policy=settings.start / "policy", rm=settings.start / "rm", problems=problems),
        *sizes(rollouts=settings.steps, prompts=settings.prompts, samples=settings.group, response=settings.response),
        *("--lr", settings.learning_rate, "--lr-decay-style", "linear", "--min-lr", 0),
        *("--rollout-temperature", TEMPERATURE),
        *("--rollout-seed", settings.seed, "--seed", settings.seed),
        # A whole rollout at once: the fewer the steps of the engine, the less of Python.
        *("--sglang-max-running-requests", at_once, "--sglang-server-concurrency", at_once),
        *("--save", checkpoints, "--save-interval", 20, "--save-hf", out / "policy_{rollout_id}", *resumed),
    )
    return [str(word) for word in words]


def _test(settings: BenchSlimeCpu, policy: Path) -> Stage:
    from scripts.quickstart.commands import Command
    from scripts.quickstart.stage import Stage
    from scripts.quickstart.stages import TEMPERATURE

    problems = str(settings.start / "problems" / "test.jsonl")
    drawn = ("--samples", str(settings.test_samples), "--temperature", str(TEMPERATURE), "--seed", str(settings.seed))
    sample = ("code_reward_trl.sample", "--policy", str(policy), "--problems", problems, "--out", "after.jsonl", *drawn)
    files = ("--problems", problems, "--candidates", "after.jsonl", "--out", "after.parquet", "--cpu-seconds", "0.5")
    return Stage("after", "Test after slime", (Command(sample), Command(("data_prep.label", *files))), (str(policy),), ("after.parquet",))


def gains(quickstart: Path, out: Path) -> dict[str, dict[str, float]]:
    """pass@1 before, after, and the gain with its 95 % interval over problems, for each part of the test problems; kept in figures.json."""
    from code_reward.files import write_text
    from code_reward.metrics import paired_difference
    from scripts.quickstart.figures import PARTS, part_of, pass_rates

    parts, before, after = part_of(quickstart), pass_rates(quickstart / "before.parquet"), pass_rates(out / "after.parquet")
    figures = {}
    for part in sorted(set(PARTS) & set(parts.values())):
        names = [name for name in after if parts[name] == part]
        ours, theirs = ([rates[name] for name in names] for rates in (after, before))
        gain = paired_difference(ours, theirs, seed=0)
        rates = {"before": sum(theirs) / len(names), "after": sum(ours) / len(names)}
        figures[part] = {"problems": len(names), **rates, "gain": gain.estimate, "low": gain.low, "high": gain.high}
    write_text(out / "figures.json", json.dumps(figures, indent=2))
    return figures


if __name__ == "__main__":
    run(BenchSlimeCpu, main)

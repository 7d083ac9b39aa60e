"""The stages of the ablation, as the commands that a person would type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scripts.ablation.settings import Ablation
from scripts.quickstart.commands import Command, python
from scripts.quickstart.settings import Sizes
from scripts.quickstart.stage import Stage


@dataclass(frozen=True)
class Arm:
    """A way to make reward data."""

    title: str
    search: str = ""
    """More options of data_prep.search."""
    conversions: str = ""
    """More options of data_prep.conversions."""
    trees: str = ""
    """The arm whose trees are taken, if this one has none of its own."""
    two_stages: bool = False


ARMS: Mapping[str, Arm] = {
    # All programs from the root, judged whole: what sampling without a tree would give.
    "independent": Arm("independent samples", "--change branching={rollouts} --change reflection=false", "--complete"),
    "tree": Arm("tree search"),
    "no_uct": Arm("without UCT", "--change uct=false"),
    "no_reflection": Arm("without reflection", "--change reflection=false"),
    "no_traces": Arm("without traces", "--traces none"),
    "two_stages": Arm("tree search, prefixes first, then pairs", trees="tree", two_stages=True),
}
"""The first is what the others are compared with."""


def arms(settings: Ablation) -> list[str]:
    """Offline nobody reads traces, neither the policy nor the judge, so that there is nothing to take away."""
    return [name for name in ARMS if name != "no_traces" or settings.endpoints is not None]


def common(settings: Ablation) -> list[Stage]:
    """What all seeds share: problems, a small language model, labelled test programs. In the folder `common`."""
    families = " ".join(f"--families {name}" for name in Sizes().families)
    counts = f"--policy-sft {settings.policy_sft} --rm {settings.problems * settings.seeds} --rl 1 --test {settings.test} --test-held-out 0"
    mix = "--per-problem 4 --right-share 0.65"
    sft = "--epochs 1 --batch-size 4 --learning-rate 2e-3"
    return [
        Stage(
            "problems",
            "Problems",
            (
                python(f"data_prep.families --out problems {families} {counts}"),
                python(f"data_prep.demonstrations --problems problems/policy_sft.jsonl --out demonstrations.jsonl {mix}"),
                python("data_prep.tokenizer --rows demonstrations.jsonl --out tokenizer --vocab-size 768"),
            ),
            outputs=("problems", "demonstrations.jsonl", "tokenizer"),
        ),
        Stage(
            "policy",
            "Language model that the reward models start from",
            (python(f"code_reward_trl.sft --data demonstrations.jsonl --tokenizer tokenizer --out policy {sft}"),),
            ("demonstrations.jsonl", "tokenizer"),
            ("policy",),
        ),
        Stage(
            "test",
            "Test programs, labelled by hidden tests",
            (
                python("data_prep.mutants --problems problems/test.jsonl --out mutants.jsonl --per-problem 8"),
                python("code_reward_trl.sample --policy policy --problems problems/test.jsonl --out samples.jsonl --samples 8"),
                python(
                    "data_prep.label --problems problems/test.jsonl --candidates mutants.jsonl --candidates samples.jsonl"
                    " --out test.parquet --cpu-seconds 0.5"
                ),
            ),
            ("policy", "problems"),
            ("test.parquet",),
        ),
    ]


def of_seed(settings: Ablation, seed: int) -> Iterator[Stage]:
    """The stages of one seed, arm by arm."""
    for name in arms(settings):
        yield from _arm(name, settings, seed)


def _arm(name: str, settings: Ablation, seed: int) -> Iterator[Stage]:
    arm, trees = ARMS[name], ARMS[name].trees or name
    if not arm.trees:
        yield Stage(
            f"search_{name}", f"Search, {arm.title} (seed {seed})", (_search(arm, name, settings, seed),), outputs=(f"{name}.trees",)
        )
    data = f"data_prep.conversions --trees {trees}.trees --out {name}.data --validation 0 --per-problem 16 --seed {seed} {arm.conversions}"
    files = "--labelled ../common/test.parquet"
    yield Stage(
        f"train_{name}",
        f"Reward model, {arm.title} (seed {seed})",
        (
            python(data),
            *_train(name, seed, two_stages=arm.two_stages),
            python(f"rm_train.evaluate --model {name}.rm {files} --out {name}.json"),
        ),
        (f"{trees}.trees", "../common/policy", "../common/test.parquet"),
        (f"{name}.data", f"{name}.rm", f"{name}.json"),
    )


def _search(arm: Arm, name: str, settings: Ablation, seed: int) -> Command:
    players = "--traces none" if settings.endpoints is None else f"--policy llm --judge llm --endpoints {settings.endpoints.resolve()}"
    # Every seed takes another part of the problems. No tree ends early: all cost the same.
    part = f"--problems ../common/problems/rm.jsonl --shard {seed}/{settings.seeds} --seed {seed}"
    budget = f"--change rollouts={settings.rollouts} --change settled_after=0"
    return python(f"data_prep.search --out {name}.trees {part} {players} {budget} {arm.search.format(rollouts=settings.rollouts)}")


def _train(name: str, seed: int, *, two_stages: bool) -> Iterator[Command]:
    recipe = f"--recipe tiny --epochs 2 --batch-size 32 --learning-rate 1e-3 --seed {seed}"
    start = "../common/policy"
    if two_stages:
        yield python(f"rm_train.regress --prefixes {name}.data/prefixes.train.parquet --init {start} --out {name}.stage1 {recipe}")
        start = f"{name}.stage1"
    yield python(f"rm_train.train --pairs {name}.data/pairs.train.parquet --init {start} --out {name}.rm {recipe}")

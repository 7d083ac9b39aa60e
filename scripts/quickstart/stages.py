"""The stages of the quickstart, as the commands that a person would type."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.quickstart.commands import Command, python
from scripts.quickstart.settings import Sizes
from scripts.quickstart.stage import Stage

ARMS = {
    "rm": "reward model",
    "oracle": "the tests themselves",
    "noisy_tests": "noisy tests, the share passed",
    "noisy_tests_all": "noisy tests, all or nothing",
    "noisy_tests_weighted": "noisy tests, weighted by difficulty",
    "rm_noisy": "reward model from noisy tests",
    "rm_shuffled": "reward model from shuffled labels",
    "syntax": "syntax check alone",
}
"""What rewards the policy in each arm of the comparison; the first is the quickstart's own."""

SHORT_RUN = "--adam-beta2 0.99"

TEMPERATURE = 0.6
"""Of every sample, in training and in tests. At 1 a policy of this size writes what does not parse in one answer of five."""

LABELS = ("samples.parquet", "mutants.parquet")
"""The truth about what the reward model learns from."""


def plan(sizes: Sizes, seed: int, *, compare: bool) -> list[Stage]:
    """Every stage in order."""
    stages = [
        *_prepare(sizes, seed),
        _reward_model("rm", LABELS, sizes, seed),
        _evaluate(seed),
        *_reinforce("rm", sizes, seed),
    ]
    return [*stages, *_compare(sizes, seed)] if compare else stages


def _prepare(sizes: Sizes, seed: int) -> Iterator[Stage]:
    families = " ".join(f"--families {name}" for name in sizes.families)
    counts = f"--policy-sft {sizes.policy_sft} --rm {sizes.rm} --rl {sizes.rl} --test {sizes.test} --test-held-out {sizes.test_held_out}"
    teach = "data_prep.demonstrations --problems problems/policy_sft.jsonl --per-problem 1"
    yield Stage(
        "problems",
        "Problems",
        (
            python(f"data_prep.families --out problems {families} {counts} --seed {seed}"),
            python(f"{teach} --right-share 1 --out references.jsonl --seed {seed}"),
            python(f"{teach} --right-share {sizes.right_share} --mutations {sizes.mutations} --out demonstrations.jsonl --seed {seed}"),
            python("data_prep.tokenizer --rows demonstrations.jsonl --out tokenizer --vocab-size 768"),
        ),
        outputs=("problems", "references.jsonl", "demonstrations.jsonl", "tokenizer"),
    )
    recipe = f"--tokenizer tokenizer --epochs {sizes.base_epochs} --learning-rate 2.5e-3 --seed {seed}"
    yield _taught("base", "Base model: supervised training on right programs", "references.jsonl", "tokenizer", recipe)
    yield Stage(
        "mutants",
        "Mutants, labelled by execution",
        (
            _mutants("rm", sizes.rm_mutants, "mutants.jsonl", seed),
            _label("problems/rm.jsonl", "mutants.parquet", "mutants.jsonl"),
            _mutants("test", sizes.test_mutants, "test_mutants.jsonl", seed),
            _label("problems/test.jsonl", "test_mutants.parquet", "test_mutants.jsonl"),
        ),
        ("problems",),
        ("mutants.jsonl", "mutants.parquet", "test_mutants.parquet"),
        beside=True,
    )
    # It keeps what the base model can do and learns to do it only now and then: a policy that a reward can improve.
    recipe = f"--init base --epochs {sizes.policy_epochs} --learning-rate 5e-4 --seed {seed}"
    yield _taught("policy", "Policy: supervised training on right and wrong programs", "demonstrations.jsonl", "base", recipe)
    yield Stage(
        "labels",
        "Reward data: samples of the policy, labelled by execution",
        (_sample("policy", "rm", sizes.rm_samples, "samples.jsonl", seed), _label("problems/rm.jsonl", "samples.parquet", "samples.jsonl")),
        ("policy", "problems"),
        ("samples.jsonl", "samples.parquet"),
    )
    yield Stage(
        "before",
        "Test: the policy before reinforcement",
        (
            _sample("policy", "test", sizes.test_samples, "before.jsonl", seed),
            _label("problems/test.jsonl", "before.parquet", "before.jsonl"),
        ),
        ("policy", "problems"),
        ("before.parquet",),
    )


def _taught(name: str, title: str, data: str, start: str, recipe: str) -> Stage:
    # Small batches: what a model of this size learns in a given time depends on its number of steps. Half of one would take as long.
    command = f"code_reward_trl.sft --data {data} --out {name} {recipe} --batch-size 4 {SHORT_RUN}"
    return Stage(name, title, (python(command),), (data, start), (name,))


def _reward_model(name: str, labels: tuple[str, ...], sizes: Sizes, seed: int) -> Stage:
    pairs = f"{name}.pairs.parquet"
    files = " ".join(f"--labelled {path}" for path in labels)
    # Small batches: what a model of this size learns in a given time depends on its number of steps.
    size = f"--recipe tiny --extra-layers {sizes.rm_layers} --batch-size {sizes.rm_batch} --epochs {sizes.rm_epochs}"
    recipe = f"{size} --learning-rate {sizes.rm_learning_rate} --seed {seed} {SHORT_RUN}"
    return Stage(
        f"train_{name}",
        f"{ARMS[name].capitalize()}: pairs and Bradley-Terry training",
        (
            python(f"data_prep.pairs {files} --out {pairs} --per-problem 16 --per-program 8 --seed {seed}"),
            python(f"rm_train.train --pairs {pairs} --init base --out {name} {recipe}", processes=2),
        ),
        (*labels, "base"),
        (name,),
    )


def _evaluate(seed: int) -> Stage:
    files = "--labelled test_mutants.parquet --labelled before.parquet"
    return Stage(
        "evaluate",
        "Reward model on unseen problems",
        (python(f"rm_train.evaluate --model rm {files} --out rm.evaluation.json --seed {seed}"),),
        ("rm", "test_mutants.parquet", "before.parquet"),
        ("rm.evaluation.json", "rm.evaluation.scores.parquet"),
    )


def _reinforce(arm: str, sizes: Sizes, seed: int, *, problems: str = "problems/rl.jsonl", reward: str = "") -> Iterator[Stage]:
    """Train with the served reward model `arm` or with the `reward` options given, then judge test samples and rollouts."""
    policy, after = f"policy_{arm}", f"after_{arm}"
    rollouts = [f"{policy}.rollouts{process}.jsonl" for process in ("", "1")]
    recipe = f"--steps {sizes.rl_steps} --learning-rate {sizes.rl_learning_rate} --temperature {TEMPERATURE} --seed {seed} {SHORT_RUN}"
    options = reward or f"--rm {arm} --rm-url {{url}}"
    yield Stage(
        f"rl_{arm}",
        f"Reinforcement, rewarded by: {ARMS[arm]}",
        (python(f"code_reward_trl.grpo --policy policy --problems {problems} --out {policy} {options} {recipe}", processes=2),),
        ("policy", problems, *(() if reward else (arm,))),
        (policy, *rollouts),
        serve=None if reward else arm,
    )
    yield Stage(
        after,
        f"Test after: {ARMS[arm]}",
        (
            _sample(policy, "test", sizes.test_samples, f"{after}.jsonl", seed),
            _label("problems/test.jsonl", f"{after}.parquet", f"{after}.jsonl"),
            _label("problems/rl.jsonl", f"rollouts_{arm}.parquet", *rollouts),
        ),
        (policy, "problems"),
        (f"{after}.parquet", f"rollouts_{arm}.parquet"),
    )


def _compare(sizes: Sizes, seed: int) -> Iterator[Stage]:
    shuffled = " ".join(f"--labelled {path}" for path in LABELS)
    yield Stage(
        "noise",
        "Noisy tests and shuffled labels",
        (
            python(f"data_prep.noise --problems problems/rl.jsonl --out noisy/rl.jsonl --seed {seed}"),
            python(f"data_prep.noise --problems problems/rm.jsonl --out noisy/rm.jsonl --seed {seed}"),
            # With 12 tests of which 30 % are wrong, hardly any program passes all.
            _label("noisy/rm.jsonl", "noisy/labels.parquet --share 0.65", "samples.jsonl", "mutants.jsonl"),
            python(f"data_prep.noise {shuffled} --out shuffled.parquet --seed {seed}"),
        ),
        ("problems", "samples.jsonl", "mutants.jsonl", *LABELS),
        ("noisy/rl.jsonl", "noisy/labels.parquet", "shuffled.parquet"),
    )
    yield _reward_model("rm_noisy", ("noisy/labels.parquet",), sizes, seed)
    yield _reward_model("rm_shuffled", ("shuffled.parquet",), sizes, seed)
    yield from _reinforce("oracle", sizes, seed, reward="--reward tests")
    # For the same reason the share of tests passed is the stronger reward.
    noisy = "--reward tests --test-reward"
    yield from _reinforce("noisy_tests", sizes, seed, problems="noisy/rl.jsonl", reward=f"{noisy} fraction")
    yield from _reinforce("noisy_tests_all", sizes, seed, problems="noisy/rl.jsonl", reward=f"{noisy} binary")
    yield from _reinforce("noisy_tests_weighted", sizes, seed, problems="noisy/rl.jsonl", reward=f"{noisy} difficulty")
    yield from _reinforce("rm_noisy", sizes, seed)
    yield from _reinforce("rm_shuffled", sizes, seed)
    yield from _reinforce("syntax", sizes, seed, reward="--reward syntax")


def _sample(policy: str, part: str, samples: int, out: str, seed: int) -> Command:
    files = f"--policy {policy} --problems problems/{part}.jsonl --out {out}"
    return python(f"code_reward_trl.sample {files} --samples {samples} --temperature {TEMPERATURE} --processes 2 --seed {seed}")


def _mutants(part: str, per_problem: int, out: str, seed: int) -> Command:
    return python(f"data_prep.mutants --problems problems/{part}.jsonl --out {out} --per-problem {per_problem} --seed {seed}")


def _label(problems: str, out: str, *candidates: str) -> Command:
    files = " ".join(f"--candidates {name}" for name in candidates)
    # A policy that writes no program at all is a result here: that of `--tiny`.
    return python(f"data_prep.label --problems {problems} {files} --out {out} --cpu-seconds 0.5 --allow-none")

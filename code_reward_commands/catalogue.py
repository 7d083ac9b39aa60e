"""Every command of the project with one line each, in the order in which a run needs them.

The lines are written down here, and not read from the modules, because `code-reward` alone must answer at once; a test holds the list
against what there is.
"""

from __future__ import annotations

from typing import Final

SUBCOMMANDS: Final[dict[str, str]] = {
    "score": "score answers with a reward model, a folder or a server",
    "pick": "pick the best of N answers by a reward model, tests, or both",
    "rescore": "judge the stored rollouts of a run again, by any reward",
    "view": "look at a run in the browser: answers, verdicts, curves, errors",
    "doctor": "check what is installed, and whether a slime run can work",
}
"""What stands after `code-reward`."""

MODULES: Final[dict[str, dict[str, str]]] = {
    "Problems and prompts": {
        "data_prep.sources": "read published data sets into problems",
        "data_prep.families": "generate small problems that nobody has seen",
        "data_prep.prompts": "make prompt data for slime, without doubles and benchmarks",
        "data_prep.difficulty": "order problems from easy to hard, for a curriculum",
        "data_prep.split": "split rows in two that share no problem",
    },
    "Candidates and labels": {
        "data_prep.candidates": "read published pools of solutions",
        "data_prep.mutants": "write wrong programs from right ones",
        "data_prep.label": "label candidates by running their problems' tests",
        "data_prep.noise": "spoil tests or labels on purpose, to see what a reward bears",
        "data_prep.extraction_report": "say what extraction makes of published answers",
    },
    "Reward data": {
        "data_prep.pairs": "make preference pairs from labelled programs",
        "data_prep.preferences": "make preference pairs of published ones, whatever their columns",
        "data_prep.search": "grow search trees judged from execution traces",
        "data_prep.conversions": "turn trees into prefix rows and pairs",
        "data_prep.audit_judge": "measure a judge against hidden tests",
    },
    "Generated tests": {
        "data_prep.unit_tests.synthesis": "have a language model write unit tests",
        "data_prep.unit_tests.offline": "write unit tests without a language model",
        "data_prep.unit_tests.pools": "read published pools of generated tests",
        "data_prep.unit_tests.matrix": "run candidates against generated tests",
        "data_prep.unit_tests.quality": "say what generated tests are worth",
        "data_prep.unit_tests.suited": "leave out problems that tests cannot check",
        "data_prep.unit_tests.training": "make training data for a test generator",
        "data_prep.unit_tests.probe": "predict how hard a problem is",
        "data_prep.matrices": "join labels and scores into results matrices",
        "code_reward.selection": "compare best-of-N rules on results matrices",
        "code_reward.selection.spending": "compare ways to spend a budget of tests",
    },
    "Reward models": {
        "rm_train.train": "train a reward model on pairs",
        "rm_train.regress": "train a reward model on prefix rows",
        "rm_train.preflight": "check data, disk and memory before a reward model is trained",
        "rm_train.evaluate": "measure a reward model against executed truth",
        "rm_train.memory": "estimate the memory of training the published sizes",
        "rm_train.adopt": "make a published reward model one of ours",
        "code_reward_slime.reward_model.prepare": "encode rows for reward model training on Megatron",
        "code_reward_slime.reward_model.flags": "print the options of slime for that",
        "code_reward_slime.reward_model.collect": "make a reward model of what slime exported",
    },
    "Servers": {
        "reward_servers.embedded": "serve a reward model from this process",
        "reward_servers.sglang_server": "serve a reward model with SGLang",
        "reward_servers.gateway": "answer trainers that ask for rewards over HTTP",
        "reward_servers.sandbox": "serve the sandbox, which runs untrusted programs",
    },
    "Policies": {
        "data_prep.demonstrations": "make supervised data from problems",
        "data_prep.tokenizer": "train a small tokenizer",
        "code_reward_trl.sft": "teach a policy by supervised training",
        "code_reward_trl.sample": "sample answers of a policy",
        "code_reward_trl.grpo": "reinforce a policy with TRL",
        "code_reward_slime.preflight": "the doctor by its full name",
        "code_reward_slime.sglang_config": "split GPUs between policy and reward model in slime",
    },
    "Benchmarks": {
        "benchmarks.policy": "measure a policy on the field's published benchmarks",
        "benchmarks.reward_model": "measure a reward model on published benchmarks",
        "benchmarks.perturbations": "see what moves a reward model that should not",
    },
    "slime without a GPU": {
        "slime_on_cpu.launch": "run slime's own training script on a CPU",
        "slime_on_cpu.flags": "print the options for that",
        "slime_on_cpu.model_flags": "print Megatron's options for a checkpoint",
        "slime_on_cpu.environment": "print the environment for that, as export lines",
    },
}
"""What `python -m` runs, by the stage that it belongs to."""


def overview() -> str:
    """The text that `code-reward` alone prints."""
    width = max(map(len, [*SUBCOMMANDS, *(name for stage in MODULES.values() for name in stage)]))
    lines = ["usage: code-reward COMMAND [OPTIONS]", ""]
    lines += [f"  {name:<{width}}  {line}" for name, line in SUBCOMMANDS.items()]
    lines += ["", "Every stage alone, as python -m NAME [OPTIONS]:"]
    for stage, modules in MODULES.items():
        lines += ["", stage, *(f"  {name:<{width}}  {line}" for name, line in modules.items())]
    return "\n".join([*lines, "", "Each answers --help. In a checkout, `make help` lists what runs several of them."])

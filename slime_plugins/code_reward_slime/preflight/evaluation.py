"""Whether every held-out set names its own reward: slime otherwise evaluates with the reward that it trains on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError
from code_reward_slime.preflight.data import examine_file, keys_of, who_needs_tests
from code_reward_slime.preflight.row import Row, failed, not_checked, ok
from code_reward_slime.preflight.train_arguments import TrainArguments
from code_reward_slime.preflight.yaml_file import read_yaml


def check_evaluation(arguments: TrainArguments) -> Iterator[Row]:
    """A row for each held-out set."""
    if not arguments.has("--eval-interval"):
        yield not_checked("evaluation", "there is none, so nobody watches pass@1; add --eval-interval and --eval-config")
        return
    if arguments.has("--eval-prompt-data") and arguments.has("--custom-rm-path"):
        yield failed(
            "evaluation", "--eval-prompt-data is judged by the training reward; use an --eval-config with a custom_rm_path per set."
        )
        return
    path = arguments.one("--eval-config")
    if path is None:
        yield failed("evaluation", "--eval-interval needs held-out sets; name them in an --eval-config.")
        return
    for dataset in datasets_of(Path(path)):
        yield _examine(dataset, arguments)
    if arguments.has("--log-passrate"):
        yield not_checked("evaluation", "slime's pass@k counts rewards of exactly 1, so it is for unit_test_reward alone")


def datasets_of(path: Path) -> list[dict[str, Any]]:
    """The held-out sets of an eval config, each with the defaults that hold for it."""
    section = read_yaml(path).get("eval")
    if not isinstance(section, dict) or not section.get("datasets"):
        raise ConfigurationError(f"{path} has no eval.datasets; name the held-out sets there.")
    defaults, given = section.get("defaults") or {}, section["datasets"]
    listed = [{"name": name, **(dataset or {})} for name, dataset in given.items()] if isinstance(given, dict) else given
    return [{**defaults, **dataset} for dataset in listed]


def reward_names(arguments: TrainArguments) -> list[str]:
    """The functions that an eval config names."""
    path = arguments.one("--eval-config")
    datasets = datasets_of(Path(path)) if path else []
    return [dataset[key] for dataset in datasets for key in ("custom_rm_path", "custom_generate_function_path") if dataset.get(key)]


def _examine(dataset: dict[str, Any], arguments: TrainArguments) -> Row:
    name, reward = dataset.get("name", "?"), dataset.get("custom_rm_path")
    if reward is None:
        return failed(
            "evaluation", f"{name} names no custom_rm_path and would be judged by the training reward; name the unit-test reward there."
        )
    if _fans_out(dataset, arguments) and not _dispatches(arguments):
        return failed(
            "evaluation",
            f"{name} names {reward}, but slime gives the samples of a fanned-out rollout to the training reward, which is none of "
            "code_reward_slime's and may not ask that one; train with a reward of code_reward_slime, or return one sample.",
        )
    if "path" not in dataset:
        return failed("evaluation", f"{name} has no path; give its file.")
    keys = {**keys_of(arguments), **{key: dataset[f"{key}_key"] for key in ("label", "metadata") if f"{key}_key" in dataset}}
    keys["prompt"] = dataset.get("input_key") or keys["prompt"]
    count, tests = examine_file(Path(dataset["path"]), keys, who_needs_tests(reward, arguments))
    return ok("evaluation", f"{name}: {count} problems, {tests} with tests, judged by {reward}")


def _fans_out(dataset: dict[str, Any], arguments: TrainArguments) -> bool:
    """Whether rollouts may become several samples: only a generate function of one's own does that."""
    return bool(dataset.get("custom_generate_function_path")) or arguments.has("--custom-generate-function-path")


def _dispatches(arguments: TrainArguments) -> bool:
    """Whether the training reward asks the reward that a held-out set names."""
    return not arguments.has("--custom-rm-path") or str(arguments.one("--custom-rm-path")).startswith("code_reward_slime.rewards.")

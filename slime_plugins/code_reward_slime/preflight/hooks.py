"""Whether every function that the command names can be imported, in the driver and in a Ray worker, whose paths differ."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from code_reward.errors import ConfigurationError
from code_reward_slime.preflight.row import Row, failed, ok
from code_reward_slime.preflight.train_arguments import TrainArguments

OPTIONS: Final = (
    "--buffer-filter-path",
    "--custom-advantage-function-path",
    "--custom-convert-samples-to-train-data-path",
    "--custom-eval-rollout-log-function-path",
    "--custom-generate-function-path",
    "--custom-loss-function-path",
    "--custom-megatron-before-log-prob-hook-path",
    "--custom-megatron-before-train-step-hook-path",
    "--custom-megatron-init-path",
    "--custom-model-provider-path",
    "--custom-pg-loss-reducer-function-path",
    "--custom-reward-post-process-path",
    "--custom-rm-path",
    "--custom-rollout-log-function-path",
    "--custom-tis-function-path",
    "--custom-update-weight-post-write-path",
    "--data-source-path",
    "--dynamic-sampling-filter-path",
    "--eval-function-path",
    "--rollout-all-samples-process-path",
    "--rollout-data-postprocess-path",
    "--rollout-function-path",
    "--rollout-sample-filter-path",
    "--rollout-sample-hook-path",
)
"""Options of slime whose value is the dotted name of a function or class."""

Find = Callable[[list[str], list[str]], list[str]]


def check_hooks(arguments: TrainArguments, more: list[str], ray: str, environment: dict[str, Any]) -> Iterator[Row]:
    """A row for the driver and one for a worker.

    Args:
        arguments: slime's options.
        more: Names from elsewhere, such as those of an eval config.
        ray: Address of a cluster; `local` starts a small one for this check alone; `no` leaves workers out.
        environment: The job's runtime environment, which replaces the worker's `PYTHONPATH`.
    """
    names = [name for option in OPTIONS for name in arguments.all(option)] + more
    spec = arguments.all("--spec")
    yield _row("driver", names, spec, _find_function()(names, spec))
    if ray != "no":
        yield _row("Ray worker", names, spec, _in_worker(names, spec, ray, environment))


def runtime_environment(text: str) -> dict[str, Any]:
    """The JSON of `ray job submit --runtime-env-json`; raises `ConfigurationError` if it is none."""
    try:
        environment = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"--runtime-env is not JSON ({error}); give what ray job submit is given.") from error
    if not isinstance(environment, dict):
        raise ConfigurationError("--runtime-env is not a JSON object; give what ray job submit is given.")
    return environment


def _row(place: str, names: list[str], spec: list[str], problems: list[str]) -> Row:
    if problems:
        return failed("hooks", f"In the {place}: {'; '.join(problems)}")
    return ok("hooks", f"the {place} finds {', '.join(sorted({*names, *['.'.join(spec)]} - {''})) or 'nothing to look for'}")


def _find_function() -> Find:
    """What looks the names up, made here so that Ray sends it to a worker by value: there our own modules may be what is missing."""

    def find(names: list[str], spec: list[str]) -> list[str]:
        problems = []
        for name in dict.fromkeys(names):
            module, _, attribute = name.rpartition(".")
            try:
                found = importlib.import_module(module)
            except Exception as error:
                problems.append(f"{name} cannot be imported ({type(error).__name__}: {error}); put its folder on PYTHONPATH there")
                continue
            if not hasattr(found, attribute):
                close = difflib.get_close_matches(attribute, dir(found), 1)
                problems.append(f"{module} has no {attribute}; {f'did you mean {close[0]}?' if close else 'correct the name'}")
        if len(spec) == 2:
            # Looked up, not imported: layer specs need Transformer Engine, and that needs the GPU that nobody has taken yet.
            try:
                there = importlib.util.find_spec(spec[0])
                source = open(there.origin).read() if there is not None and there.origin else ""  # noqa: SIM115
            except (ImportError, OSError, ValueError):
                source = ""
            if spec[1] not in {getattr(node, "name", "") for node in ast.parse(source).body}:
                problems.append(f"--spec {spec[0]} {spec[1]} is not there; is another package of that name before slime's?")
        return problems

    return find


def _in_worker(names: list[str], spec: list[str], address: str, environment: dict[str, Any]) -> list[str]:
    try:
        import ray
    except ImportError as error:
        raise ConfigurationError(f"Ray is not installed ({error}); run this in slime's image.") from error
    local = address == "local"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started = {"num_cpus": 1, "num_gpus": 0, "include_dashboard": False} if local else {}
    try:
        ray.init(address, runtime_env=environment, log_to_driver=False, logging_level="error", **started)
        task = ray.remote(_find_function()).options(num_cpus=0.01, num_gpus=0).remote(names, spec)
        return list(ray.get(task, timeout=120))
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise ConfigurationError(f"Ray ({address}) did not run a task ({type(error).__name__}: {first}); start or correct it.") from error
    finally:
        ray.shutdown()

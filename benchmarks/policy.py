"""Measure a policy on published benchmarks: `python -m benchmarks.policy --model FOLDER --sets humaneval,mbpp --out RUN`.

Answers are sampled once and journalled; the published referee and our own sandbox judge them; the table, the plots and every answer with
its verdicts are written into RUN. Given again after it was stopped, the command goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError

if TYPE_CHECKING:
    from benchmarks.referees.environment import Environment
    from benchmarks.sampling.question import Sampling
    from benchmarks.sampling.sample import Policy as Sampled
    from benchmarks.sets.task_set import TaskSet

Style = Literal["plain", "bare", "thinking"]

THINKING_TOKENS = 32768
_LEAST_SECONDS, _TOKENS_PER_SECOND = 600.0, 10.0


class Policy(Command):
    """Measure a policy on HumanEval(+), MBPP(+), LiveCodeBench and BigCodeBench."""

    model: Path | None = None
    """Folder of a causal language model."""
    endpoint: str | None = None
    """Address of an OpenAI-compatible endpoint, up to and without /chat/completions, in the place of --model."""
    served_model: str | None = None
    """Name under which the endpoint serves the model; by default the only one that it lists."""
    key_variable: str = ""
    """Name of the environment variable that holds the endpoint's key."""
    sets: list[str] = Field(default=["humaneval", "mbpp"], min_length=1)
    """humaneval, mbpp, lcb, bcb_hard; HumanEval+ and MBPP+ come with the first two."""
    out: Path
    """Folder of the run; a run that was stopped goes on."""
    samples: int = Field(default=1, gt=0)
    """Answers per task."""
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Only where the temperature is not 0."""
    max_tokens: int | None = Field(default=None, gt=0)
    """Token limit of an answer; by default each benchmark's own (32768 for `thinking`)."""
    style: Style = "plain"
    """`plain` asks as the publisher does; `bare` does not begin the answer for the model (as it is for every endpoint); `thinking` is
    bare, and only what follows `</think>` is the answer."""
    limit: int | None = Field(default=None, gt=0)
    """Only the first tasks of each set; the figures are then not the benchmark's."""
    seed: int = 0
    """Seed of the sampling and of the bootstrap."""
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"
    """Precision of --model."""
    device: str = "cpu"
    """Where --model runs."""
    batch: int = Field(default=32, gt=0)
    """Answers that --model writes at once."""
    concurrency: int = Field(default=32, gt=0)
    """Requests that the endpoint gets at once."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds that the endpoint has for one answer; by default a second for each ten tokens of the limit, and 600 at least."""
    price_read: float = Field(default=0.0, ge=0)
    """What the endpoint asks for a million tokens of questions; the report then has the cost beside the tokens."""
    price_written: float = Field(default=0.0, ge=0)
    """What it asks for a million tokens of answers."""
    referee: Literal["published", "sandbox"] = "published"
    """Whose verdicts count: those of the published packages (`make install-referees`), with our sandbox beside them, or our sandbox's."""
    referees: Path = Path(".venv-referees")
    """The environment of the published referees."""
    bigcodebench: Path = Path(".venv-bigcodebench")
    """The environment of bigcodebench, which holds the libraries of its tasks (`make install-bigcodebench`)."""
    sandbox: str | None = None
    """Address of a sandbox server; by default programs run in this machine's own sandbox."""
    compare: list[Path] = Field(default=[])
    """Folders of other runs: paired differences on the problems that both answered."""
    window: str | None = None
    """Days of the contests of LiveCodeBench that count, as in 2024-08-01..2025-02-01; by default all of the file."""
    lcb_file: Path | None = None
    """LiveCodeBench's problems: a file, a folder of the release's files, or livecodebench/code_generation_lite on the hub; by default what
    LIVECODEBENCH_OVERRIDE_PATH names."""
    bcb_hard_file: Path | None = None
    """BigCodeBench-Hard v0.1.4: a file, or bigcode/bigcodebench-hard on the hub; by default what BIGCODEBENCH_OVERRIDE_PATH names."""
    humaneval_file: Path | None = None
    """evalplus's release of HumanEval+; by default what HUMANEVAL_OVERRIDE_PATH names, or what evalplus itself has fetched."""
    mbpp_file: Path | None = None
    """evalplus's release of MBPP+; by default what MBPP_OVERRIDE_PATH names, or what evalplus itself has fetched."""


def main(settings: Policy) -> int:
    """Sample, judge, report; the status is 1 if answers have no verdict."""
    from benchmarks.cost import Prices, tell_cost
    from benchmarks.policy_report import write_report
    from benchmarks.run_folder import begin, read_judged, write_judged
    from benchmarks.sampling.sample import sample
    from benchmarks.sets import find_set
    from benchmarks.sets.task_set import Bench

    _check(settings)
    sets = [find_set(name) for name in dict.fromkeys(settings.sets)]
    files = {one.name: one.find_file(getattr(settings, f"{one.name}_file")) for one in sets}
    rows = {one.name: one.select(one.read(files[one.name]), settings.window) for one in sets}
    tasks = {name: dict(list(many.items())[: settings.limit]) for name, many in rows.items()}
    environments, conventions = _referees(settings, sets)
    others = {str(path): read_judged(path) for path in settings.compare}
    settings = _named_model(settings)
    if settings.endpoint:
        conventions["policy"] = f"{settings.served_model} at an endpoint"
    begin(settings.out, _setup(settings))
    for name, asked in tasks.items():
        begin(settings.out / name, {"tasks": _digest(asked)})
    model = cache(lambda: _policy(settings))
    judged = []
    for one in sets:
        asked, sampling = tasks[one.name], _sampling(settings, one.max_tokens)
        questions = [one.ask(task) for task in asked.values()]
        answers = sample(settings.out, one.name, questions, settings.samples, sampling, _style(settings), model)
        judged += one.judge(Bench(settings.out / one.name, environments[one.name], settings.sandbox), asked, answers)
        conventions[f"token limit, {one.name}"] = sampling.max_tokens
        conventions[f"tokens, {one.name}"] = tell_cost(answers.values(), Prices(settings.price_read, settings.price_written))
        conventions[f"tasks, {one.name}"] = f"{len(asked)} of {files[one.name].name}" + (", the first only" if settings.limit else "")
        conventions |= {f"{note}, {one.name}": said for note, said in one.notes.items()}
    write_judged(settings.out, judged)
    report = write_report(settings.out, {one.name: one.columns for one in sets}, judged, conventions, others, settings.seed)
    print(f"Report: {report}")
    return int(any("missing" in (one.referee or one.sandbox).values() for one in judged))


def _referees(settings: Policy, sets: Sequence[TaskSet]) -> tuple[dict[str, Environment | None], dict[str, object]]:
    """The environment of each set's referee, None where our sandbox judges, and how the run is done, for its report's header."""
    from benchmarks.referees.environment import Environment

    conventions: dict[str, object] = {
        "policy": settings.model.name if settings.model else "",
        "answers per task": settings.samples,
        "decoding": f"temperature {settings.temperature}, top-p {settings.top_p}" if settings.temperature else "greedy",
        "style": _style(settings),
    }
    if settings.model:
        conventions["precision"] = f"{settings.dtype} on {settings.device}, {settings.batch} at once"
    if settings.window:
        conventions["window of LiveCodeBench"] = settings.window
    if settings.referee == "sandbox":
        for one in sets:
            if one.needs_referee:
                raise ConfigurationError(f"{one.name} needs its own referee ({one.referee()[0]}); leave --referee sandbox out, or the set.")
        return dict.fromkeys((one.name for one in sets), None), conventions | {"referee of record": "the project's own sandbox"}
    environments: dict[str, Environment | None] = {}
    for one in sets:
        package, recorded = one.referee()
        environment = Environment(settings.bigcodebench if package == "bigcodebench" else settings.referees)
        version = environment.version(package, "" if one.needs_referee else ", or judge with --referee sandbox")
        conventions[f"referee of record, {one.name}"] = f"{package} {version}" + (f" (of record: {recorded})" * (version != recorded))
        environments[one.name] = environment
    return environments, conventions


def _check(settings: Policy) -> None:
    if (settings.model is None) == (settings.endpoint is None):
        raise ConfigurationError("Give either --model or --endpoint.")
    if settings.samples > 1 and settings.temperature == 0:
        raise ConfigurationError("Greedy answers to one question are all the same; give --temperature with --samples.")


def _style(settings: Policy) -> Style:
    return "bare" if settings.endpoint and settings.style == "plain" else settings.style


def _named_model(settings: Policy) -> Policy:
    """The options with the name of the model that an endpoint serves: as given, as the run was begun with, or as the endpoint says."""
    from benchmarks.run_folder import begun_with
    from benchmarks.sampling.endpoint import EndpointModel

    if settings.endpoint is None or settings.served_model is not None:
        return settings
    known = begun_with(settings.out).get("served_model")
    name = known or EndpointModel(settings.endpoint, key_variable=settings.key_variable).find_model()
    return settings.model_copy(update={"served_model": name})


def _digest(tasks: Mapping[str, Any]) -> str:
    """Of the tasks that are asked, whatever file they come from; one at a time, for hidden tests take gigabytes."""
    whole = hashlib.sha256()
    for name, row in tasks.items():
        whole.update(json.dumps([name, row], sort_keys=True, default=str).encode("utf-8", "surrogatepass"))
    return whole.hexdigest()[:16]


def _sampling(settings: Policy, usual: int) -> Sampling:
    from benchmarks.sampling.question import Sampling

    limit = settings.max_tokens or (THINKING_TOKENS if settings.style == "thinking" else usual)
    return Sampling(temperature=settings.temperature, top_p=settings.top_p, max_tokens=limit, seed=settings.seed)


def _setup(settings: Policy) -> dict[str, Any]:
    """What decides the answers."""
    from code_reward.files import digest
    from code_reward.folders import require_folder

    names = {
        "served_model",
        "samples",
        "temperature",
        "top_p",
        "max_tokens",
        "style",
        "limit",
        "window",
        "seed",
        "dtype",
        "batch",
        "endpoint",
    }
    if settings.model:
        require_folder(settings.model, "a causal language model")
    model = {"model": digest(settings.model)} if settings.model else {}
    return {**settings.model_dump(mode="json", include=names), **model}


def _policy(settings: Policy) -> Sampled:
    if settings.model is not None:
        from benchmarks.sampling.folder import FolderModel

        return FolderModel(settings.model, settings.dtype, settings.device, settings.batch)
    from benchmarks.sampling.endpoint import EndpointModel

    assert settings.endpoint is not None
    assert settings.served_model is not None
    longest = settings.max_tokens or (THINKING_TOKENS if settings.style == "thinking" else 0)
    timeout = settings.timeout or max(_LEAST_SECONDS, longest / _TOKENS_PER_SECOND)
    return EndpointModel(settings.endpoint, settings.served_model, settings.concurrency, timeout, settings.key_variable)


if __name__ == "__main__":
    run(Policy, main)

"""The options by which a command names what scores, and the judge that they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from code_reward.cli import Command
from code_reward.errors import ConfigurationError
from code_reward.folders import require_folder

if TYPE_CHECKING:
    from benchmarks.rewards.judges import Judge


class Judging(Command):
    """What scores."""

    model: Path | None = None
    """Reward model folder; with --url its small files suffice; with --zero-shot a causal language model."""
    url: list[str] = Field(default=[])
    """Addresses of servers of the model."""
    zero_shot: Literal["logprob", "yes_no"] | None = None
    """Score with a causal language model that was never trained to: the mean log-probability of the answer, or its Yes against its No."""
    preset: str | None = None
    """How the model reads, for a folder that was not adopted: themis, codescaler, coderm-nt, skywork, generic, default."""
    system: Path | None = None
    """File with another system prompt, such as that of another criterion."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the model, here or at its servers."""
    device: str = "cpu"
    """Where a model that is loaded here runs."""


def files_of(words: Sequence[str]) -> dict[str, list[Path]]:
    """The files by name of every NAME=FILE."""
    files: dict[str, list[Path]] = {}
    for word in words:
        name, _, path = word.partition("=")
        if not path:
            raise ConfigurationError(f"--sets {word}: say which file, as in {name or 'rm_bench'}=FILE.")
        files.setdefault(name, []).append(Path(path))
    return files


def setup_of(settings: Judging) -> dict[str, Any]:
    """What decides the scores; raises `ConfigurationError` for options that do not go together."""
    from code_reward.files import digest

    if settings.model is None:
        raise ConfigurationError("Give --model, the folder of what scores.")
    if settings.url and (settings.zero_shot or settings.preset):
        raise ConfigurationError("A served reward model reads as its folder says; leave --zero-shot and --preset out, or --url.")
    require_folder(settings.model, "a reward model")
    files = {name: digest(path) for name, path in (("model", settings.model), ("system", settings.system)) if path is not None}
    return {**settings.model_dump(mode="json", include={"zero_shot", "preset", "dtype"}), **files}


def judge_of(settings: Judging) -> Judge:
    """The judge, with its model in memory; raises `ConfigurationError`."""
    from benchmarks.rewards.judges import FolderJudge, ServedJudge, settings_of

    assert settings.model is not None
    system = settings.system.read_text() if settings.system else None
    if settings.zero_shot:
        from benchmarks.rewards.causal import CausalJudge

        return CausalJudge(settings.model, settings.zero_shot, settings.dtype, settings.device)
    if settings.url:
        return ServedJudge(settings.model, settings.url, system, settings.dtype)
    return FolderJudge(settings.model, settings_of(settings.model, settings.preset, system), settings.dtype, settings.device)

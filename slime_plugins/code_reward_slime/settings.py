"""The settings of all hooks: keys of slime's `--custom-config-path` YAML that begin with `code_reward_`.

slime sets every key of that file as an attribute of `args`; here they are gathered and validated. What begins with our prefix and is not
one of ours is an error that names it, because a typing mistake would otherwise be a run with other settings than its author believes.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from code_reward.errors import ConfigurationError
from code_reward.extraction import Policy
from code_reward.hybrid import Mode as HybridMode
from code_reward.shaping import shape
from code_reward.verdict import Rejected
from data_prep.judges.settings import JudgeSettings
from reward_servers.client.settings import ClientSettings
from reward_servers.sandbox.outcome import Limits, Mode, TestsReward

PREFIX: Final = "code_reward_"


class Section(BaseModel):
    """Base of everything that can be set: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Overlong(Section):
    """DAPO's soft overlong punishment: 0 up to `tokens - buffer` response tokens, then linear down to `-penalty` at `tokens`."""

    tokens: int = Field(gt=0)
    """Response tokens from which on the whole penalty applies; usually the value of `--rollout-max-response-len`."""
    buffer: int = Field(gt=0)
    """Response tokens before that over which the penalty grows."""
    penalty: float = Field(default=1.0, gt=0)
    """In units of the reward."""

    @model_validator(mode="after")
    def _fits(self) -> Overlong:
        if self.buffer > self.tokens:
            raise ValueError("buffer must not be larger than tokens")
        return self


class Settings(Section):
    """Every key, without the prefix. The defaults are a run with a reward model in slime's own `--sglang-config`, and no extras."""

    rm_dir: Path | None = None
    """Folder of the reward model; the small files suffice (code_reward.json, reference_scores.json, the tokenizer's)."""
    rm_urls: tuple[str, ...] = ()
    """Servers of the reward model. Empty: the workers behind slime's own router for `rm_name`."""
    rm_name: str = "reward"
    """Name of the reward model in the YAML of `--sglang-config`."""
    client: ClientSettings = ClientSettings()
    """How the reward model is asked: deadlines, list sizes, retries."""
    shaping: str = "default"
    """How raw scores become rewards: `default`, `codescaler`, `coderm-nt`, `raw`, or a plugin's preset."""
    rejected: float | None = None
    """Reward of a rejected answer; only for a preset that has none of its own (`raw`)."""
    truncated: Literal["reject", "judge"] = "reject"
    """What becomes of an answer that was cut off at the length limit: `judge` scores it if its program stands in a closed block."""

    sandbox_url: str | None = None
    """Sandbox server for unit tests; null: programs run in the sandbox of slime's rollout process."""
    sandbox_workers: int | None = Field(default=None, gt=0)
    """Programs that run at once in that process; null: one per usable core."""
    sandbox_mode: Mode = "auto"
    """Whether tests may share a process with the program: `auto` where they must, `sealed` never, `inline` wherever they can."""
    sandbox_limits: Limits = Limits()
    """What one program may use."""
    sandbox_seconds: float = Field(default=300.0, gt=0)
    """A verdict of the tests is there, or missing, after this long, queueing included."""
    extraction: Policy = "last"
    """Which block of an answer is the program that tests run; for the reward model its own code_reward.json says."""
    tests_reward: TestsReward = "binary"
    """1 if all tests pass, else 0; `fraction`: the share of tests that pass; `difficulty`: that share, each test weighted by how few of
    the group pass it, which needs `--group-rm` (`hybrid_reward` takes the plain share). An evaluation always counts 1 or 0."""

    judge: JudgeSettings | None = None
    """The language model behind `judge_reward`."""

    hybrid_mode: HybridMode = "gated"
    """`gated`: tests decide where a problem has any, else the model; `weighted`: both, mapped to [0, 1]."""
    hybrid_tests_weight: float = Field(default=0.5, ge=0, le=1)
    """Weight of the tests in `weighted`."""
    hybrid_stand_in: bool = False
    """Whether one part may decide alone where the other's verdict is missing."""

    terms_for: Literal["right", "all"] = "right"
    """Which answers of a group have the terms below: those not under the median and above the lowest, in which case a penalty takes at most
    half of what they are worth more than the others; or all."""
    length_penalty: float = Field(default=0.0, ge=0)
    """Taken off the training reward per 1000 tokens that the policy wrote."""
    overlong: Overlong | None = None
    """Penalty for answers close to the length limit."""
    format_bonus: float = Field(default=0.0, ge=0)
    """Added to the training reward of an accepted answer that has exactly one program block."""

    max_missing: float = Field(default=0.5, ge=0, lt=1)
    """The run stops when a larger share of a rollout's verdicts, or of the last `missing_window`, is missing."""
    missing_window: int = Field(default=256, gt=0)
    """Verdicts, training and evaluation, over which an outage is noticed before a rollout is complete."""

    advantages: Literal["slime", "none", "grpo", "dr_grpo", "rank", "leave_one_out"] = "slime"
    """`grpo`, `dr_grpo`, `rank`, `leave_one_out`; `none` leaves rewards as they are; `slime` takes what slime's own flags ask for."""
    std_floor: float = Field(default=0.01, gt=0)
    """Groups whose rewards spread less than this (standard deviation) get proportionally smaller advantages."""

    filter_min_spread: float = Field(default=0.01, ge=0)
    """`informative_group` drops groups whose rewards have a smaller standard deviation."""
    filter_max_rejected: float = Field(default=1.0, gt=0, le=1)
    """`informative_group` drops groups with a larger share of rejected answers; those of which all are rejected always."""
    filter_max_missing: float = Field(default=0.5, ge=0, lt=1)
    """`informative_group` drops groups with a larger share of missing verdicts."""
    filter_keep_when_insufficient: bool = False
    """Whether a dropped group is kept after all where another round of sampling would be needed to replace it."""

    drift_share: float = Field(default=0.0, ge=0, le=1)
    """Share of scored training answers that are also executed, off the reward path; for problems with tests."""
    drift_min_auc: float = Field(default=0.6, ge=0, le=1)
    """A warning is logged when the reward orders right above wrong answers less often than this."""

    explain_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the scored answers whose record also says the score up to each line of the program (`line_scores`), for reward models that
    were trained on prefixes; each costs another forward pass."""

    curriculum: Path | None = None
    """File of `python -m data_prep.difficulty`, for `CurriculumDataSource`."""
    programs_dir: Path | None = None
    """Folder for the best and worst programs of each rollout; null: `code_reward` in the folder of `--save`, if there is one."""


_EXPECTED: Final = {
    "tuple_type": "write a list, such as [one, another]",
    "model_type": "write a mapping, such as {key: value}",
    "missing": "it is needed; add it",
}
"""What the author of a YAML file is told in the place of pydantic's words."""

_latest: tuple[Any, Settings] | None = None


def read_settings(args: Any) -> Settings:
    """The settings on slime's `args`; raises `ConfigurationError` that names an unknown key or an impossible value.

    Read once from each `args`: slime has hundreds of options, and hundreds of rewards may begin in one turn of its event loop.
    """
    global _latest
    latest = _latest
    if latest is None or latest[0] is not args:
        latest = _latest = (args, _parse(args))
    return latest[1]


def _parse(args: Any) -> Settings:
    given = {name[len(PREFIX) :]: value for name, value in vars(args).items() if name.startswith(PREFIX)}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_explain(detail) for detail in error.errors()) + "; correct the custom config.") from error
    try:
        # A preset fails on its own terms; better now than at the first answer.
        shape(Rejected("no_code"), settings.shaping, rejected=settings.rejected)
    except ConfigurationError as error:
        raise ConfigurationError(f"{PREFIX}shaping, {PREFIX}rejected: {error}", kind=error.kind) from error
    return settings


def _explain(detail: Any) -> str:
    key = PREFIX + ".".join(str(part) for part in detail["loc"]) if detail["loc"] else f"{PREFIX}*"
    if detail["type"] != "extra_forbidden":
        return f"{key}: {_EXPECTED.get(detail['type'], detail['msg'])} (given: {detail['input']!r})"
    close = get_close_matches(str(detail["loc"][-1]), _known(detail["loc"][:-1]), 1)
    hint = f", did you mean {PREFIX + '.'.join([*map(str, detail['loc'][:-1]), close[0]])}?" if close else ""
    return f"{key} is not a setting{hint}"


def _known(section: tuple[str | int, ...]) -> list[str]:
    model: Any = Settings
    for part in section:
        annotation = model.model_fields[part].annotation
        model = annotation if hasattr(annotation, "model_fields") else annotation.__args__[0]
    return list(model.model_fields)

"""Making judges and language-model clients from what a command line says; shared by the commands that need them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from code_reward.errors import ConfigurationError, explain
from data_prep.judges import Judge, LLMJudge, ReferenceJudge
from data_prep.llm import LLM, Endpoint
from data_prep.llm.request import Sampling
from reward_servers.sandbox.outcome import Sandbox

JudgeName = Literal["reference", "llm", "llm-published"]
Traces = Literal["own", "prints", "none"]


def read_endpoints(path: Path | None) -> list[Endpoint]:
    """The endpoints in a YAML file; raises `ConfigurationError` for no file or a wrong one."""
    if path is None:
        raise ConfigurationError("A language model writes or judges here; name its servers with --endpoints.")
    if not path.is_file():
        raise ConfigurationError(f"{path} is no file; give a YAML list of endpoints (docs/reward_data.md).")
    try:
        given = TypeAdapter(list[Endpoint]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ConfigurationError(f"{path} is no list of endpoints ({explain(error)}); docs/reward_data.md shows one.") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} is not YAML ({' '.join(str(error).split())}); docs/reward_data.md shows such a file.") from error
    if not given:
        raise ConfigurationError(f"{path} names no endpoint; docs/reward_data.md shows one.")
    return given


def questions_at_once(endpoints: Sequence[Endpoint]) -> int:
    """As many questions as the endpoints take together."""
    return sum(endpoint.concurrency for endpoint in endpoints)


def trees_at_once(endpoints: Sequence[Endpoint]) -> int:
    """Enough trees under way to keep the endpoints busy: each has one to four requests at a time, and some are nearly done."""
    return max(4 * questions_at_once(endpoints), 64)


def make_judge(
    name: JudgeName, llm: LLM | None, sandbox: Sandbox, *, traces: Traces, votes: int = 1, sampling: Sampling | None = None
) -> Judge:
    """The judge of that name; `llm` may be None for `reference` only."""
    if name == "reference":
        return ReferenceJudge(sandbox, traces=traces != "none")
    if llm is None:
        raise ConfigurationError("A language model judges here; name its servers with --endpoints.")
    style: Literal["apart", "published"] = "published" if name == "llm-published" else "apart"
    return LLMJudge(llm, sandbox, style=style, traces=traces, votes=votes, sampling=sampling)

"""What `python -m data_prep.search` is told, and what a part of a run is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from code_reward.cli import Command
from code_reward.errors import ConfigurationError


class Search(Command):
    """Grow search trees for a file of problems; killed or stopped, the same command goes on where it was."""

    problems: Path
    """The problems."""
    out: Path
    """The run's folder."""
    source: str = "problems"
    """How the problems' file is read (a problem source)."""
    recipe: str = "default"
    """default, or coderm-nt for the published search."""
    change: list[str] = Field(default=[])
    """Changes of the recipe, e.g. uct=false."""
    policy: Literal["offline", "llm"] = "offline"
    """Who writes programs: mutants of the reference, or a language model."""
    judge: Literal["reference", "llm", "llm-published"] = "reference"
    """Who judges: the reference solution's results, or a language model (in the published way: one mixed score)."""
    traces: Literal["own", "prints", "none"] = "own"
    """What a language model that judges is shown."""
    votes: int = Field(default=1, gt=0)
    """Replies of the judge per program."""
    temperature: float | None = Field(default=None, ge=0)
    """Of the policy and of the judge; the server's own default if not given."""
    reply_tokens: int = Field(default=4096, gt=0)
    """Most tokens of a reply; prompt and reply together must fit the model's context."""
    endpoints: Path | None = None
    """YAML list of endpoints: url, model, and optionally role, concurrency, timeout_seconds, api_key_variable."""
    max_calls: int | None = None
    """Stop after so many paid calls."""
    max_tokens: int | None = None
    """Stop after so many tokens."""
    patience: float = Field(default=600.0, gt=0)
    """Seconds that a call waits for an endpoint that is well."""
    trees_at_once: int | None = Field(default=None, gt=0)
    """Trees under way at once; by default as many as keep the endpoints busy."""
    shard: str = "0/1"
    """This process's part of the problems, as NUMBER/COUNT; a part has a folder of its own in the run's."""
    ray: str | None = None
    """Address of a Ray cluster (auto, local, ray://HOST:PORT) whose machines share the problems, endpoints and budget."""
    parts: int | None = Field(default=None, gt=0)
    """Parts of the problems with --ray; by default one per machine, and of a run that goes on as many as it was begun in."""
    sandbox: str | None = None
    """Address of a sandbox server; without it, programs run in this machine's own sandbox."""
    replay: bool = False
    """Answer every call from the folder's record; ask nothing."""
    seed: int = 0
    """Seed of all draws."""

    def part(self) -> tuple[int, int]:
        """This process's number and the number of processes; raises `ConfigurationError`."""
        number, _, count = self.shard.partition("/")
        if not (number.isdigit() and count.isdigit() and int(number) < int(count)):
            raise ConfigurationError(f"--shard {self.shard!r} is not NUMBER/COUNT with a number below the count, e.g. 0/8.")
        return int(number), int(count)

    def share(self, number: int, count: int) -> Search:
        """What part `number` of `count` is told, so that all together keep to the run's budget."""
        calls, tokens = (None if most is None else most // count + (number < most % count) for most in (self.max_calls, self.max_tokens))
        return self.model_copy(update={"shard": f"{number}/{count}", "max_calls": calls, "max_tokens": tokens})

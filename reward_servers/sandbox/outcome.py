"""What a sandbox says: one `Outcome` per program, one `TestResult` per test, and the `Sandbox` protocol that every backend speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from code_reward.errors import explain
from code_reward.problem import Test
from code_reward.verdict import Missing, Scored, Verdict

Kind = Literal["passed", "failed", "wrong_output", "timeout", "out_of_memory", "crashed", "refused", "sandbox_error"]

Mode = Literal["auto", "sealed", "inline"]
"""Whether tests may share a process with the program: `auto` where they must, `sealed` never, `inline` wherever they can."""

TestsReward = Literal["binary", "fraction", "difficulty"]
"""What tests are worth: all or nothing, the share passed, or the share weighted by difficulty within the group."""


class Limits(BaseModel):
    """What one program may use; CPU time decides, wall time only guards against a program that sleeps.

    Every limit has a limit, so that nothing is spent on a request that means nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    cpu_seconds: float = Field(default=3.0, gt=0, le=3600, allow_inf_nan=False)
    """CPU seconds per test."""
    wall_seconds: float = Field(default=15.0, gt=0, le=7 * 24 * 3600, allow_inf_nan=False)
    """Wall seconds per program, all tests together, for which it neither ran nor waited for a core."""
    memory_mb: int = Field(default=1024, gt=0, le=1 << 20)
    """Memory of the program beyond what its interpreter needs."""
    output_kb: int = Field(default=256, gt=0, le=1 << 16)
    """Output beyond this is dropped and the program is `failed`."""
    processes: int = Field(default=0, ge=0, le=4096)
    """Child processes that the program may have at once."""
    stop_at_first_failure: bool = True
    """Whether the tests after one that failed are left out."""

    def allowing(self, cpu_seconds: float | None) -> Limits:
        """These limits with the time that a problem's authors allow, where that is more."""
        if cpu_seconds is None or cpu_seconds <= self.cpu_seconds:
            return self
        return self.model_copy(update={"cpu_seconds": cpu_seconds})


class TestResult(BaseModel):
    """The outcome of one test, in the order of the tests given; tests after a stop are absent."""

    kind: Kind
    message: str = ""
    seconds: float = 0.0
    """CPU seconds, as the process of the program tells."""
    sealed: bool = True
    """False where a pass rests on the word of the program's own process, confirmed by counter-tests."""


class Outcome(BaseModel):
    """What became of a program: the first result that is not `passed`, or `passed`."""

    kind: Kind
    message: str = ""
    """For a person: the failing assertion, expected and got, or what the sandbox could not do."""
    tests: list[TestResult] = []
    seconds: float = 0.0
    """CPU seconds of the program."""

    @property
    def passed(self) -> bool:
        return self.kind == "passed"


class Execution(BaseModel):
    """What running a program as a script did."""

    kind: Kind
    """`passed` for exit code 0."""
    message: str = ""
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    """None when it was killed."""
    seconds: float = 0.0
    """CPU seconds."""
    files: dict[str, bytes] = {}
    """What was asked for of the files that it left."""


class Observation(BaseModel):
    """What one call of a program gave."""

    kind: Kind
    """`passed` where it returned a plain value."""
    message: str = ""
    value: str | None = None
    """The value as Python text, equal for equal values; of one with more than 2,000 characters the beginning and a digest."""
    seconds: float = 0.0
    """CPU seconds, as the process of the program tells."""


class Observations(BaseModel):
    """What the calls of a program gave."""

    kind: Literal["observed", "sandbox_error"]
    message: str = ""
    """What the sandbox could not do."""
    calls: list[Observation] = []
    """One per call, in the order in which they were asked for; incomplete after a `sandbox_error`."""
    seconds: float = 0.0
    """CPU seconds of the program."""


Answer = TypeVar("Answer", Outcome, Observations, Execution)


def read_answer(model: type[Answer], answer: dict[str, Any]) -> Answer:
    """What a worker or a server answered; `sandbox_error` when it is malformed."""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        return model.model_validate({"kind": "sandbox_error", "message": f"the sandbox's answer is malformed: {explain(error)}"})


class Sandbox(Protocol):
    """Runs programs that nobody trusts. In process and over HTTP alike; see `reward_servers.sandbox.connect`."""

    async def run(self, program: str, tests: Sequence[Test], *, entry_point: str | None = None, limits: Limits | None = None) -> Outcome:
        """Run `tests` against `program`. Never raises for what the program does; what fails on our side is `sandbox_error`.

        Raises:
            DataError: There are no tests, or one is not what its kind promises, e.g. the arguments of a call test are no literals.
        """
        ...

    async def observe(self, program: str, calls: Sequence[str], *, limits: Limits | None = None) -> Observations:
        """Make calls, such as `f([1, 2])`, and say what each returned; nothing is expected. Fails as `run` does.

        Raises:
            DataError: One of `calls` is not a call.
        """
        ...

    async def execute(self, program: str, stdin: str = "", *, limits: Limits | None = None) -> Execution:
        """Run a program as a script. Never raises for what the program does; what fails on our side is `sandbox_error`."""
        ...

    async def close(self) -> None:
        """Stop what the sandbox started."""
        ...


def passed_tests(outcome: Outcome, total: int) -> list[bool]:
    """Which of `total` tests were passed; those that were not reached were not."""
    passed = [result.kind == "passed" for result in outcome.tests[:total]]
    return passed + [False] * (total - len(passed))


def to_verdict(outcome: Outcome, *, total: int, reward: TestsReward = "binary") -> Verdict:
    """The unit-test reward: 1 or 0, or the share of `total` tests passed, which `difficulty` is before it is weighted
    (`code_reward.weighted_tests`). A failure of the sandbox is `Missing`."""
    if outcome.kind == "sandbox_error":
        return Missing("sandbox_error")
    if reward == "binary":
        return Scored(float(outcome.passed))
    return Scored(sum(result.kind == "passed" for result in outcome.tests) / max(total, 1))

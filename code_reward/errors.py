"""The errors that this project raises, one class per boundary.

A caller can tell by class *where* something went wrong and by `.kind` *what* went wrong, without reading the message. The message is
for a person: one sentence that says what to do. Errors are for programming mistakes, wrong settings and broken files; a reward that
could not be had is not an error but a `code_reward.verdict.Missing`.
"""

from __future__ import annotations


class CodeRewardError(Exception):
    """Base of every error of this project.

    Args:
        message (`str`): One sentence that says what is wrong and what to do.
        kind (`str`, *optional*, defaults to the class's own): A stable identifier that code may branch on.
    """

    kind = "error"

    def __init__(self, message: str, *, kind: str | None = None) -> None:
        super().__init__(message)
        if kind is not None:
            self.kind = kind


class ConfigurationError(CodeRewardError, ValueError):
    """Settings that cannot work: an unknown key, an impossible value, a missing file."""

    kind = "configuration"


class DataError(CodeRewardError, ValueError):
    """A file or a row that is not what its format promises."""

    kind = "data"


class RewardServerError(CodeRewardError):
    """A reward model server that is unreachable, or is not the one it should be."""

    kind = "reward_server"


class SandboxError(CodeRewardError):
    """The sandbox itself failed; says nothing about the program that was to run."""

    kind = "sandbox"


class JudgeError(CodeRewardError):
    """A language model's judgement that cannot be had or cannot be read; never a score."""

    kind = "judge"


def explain(error: Exception) -> str:
    """What is wrong with data, in a few words on one line: of pydantic's many the first place, as `concurrency: Input should be …`."""
    from pydantic import ValidationError  # Late: processes that import next to nothing raise our errors, too.

    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    detail = error.errors()[0]
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where}: {detail['msg']}" if where else str(detail["msg"])

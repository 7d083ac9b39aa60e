"""Command lines: one pydantic settings class per command, its fields the options, its errors one sentence.

A command's module stays light to import (`--help` answers in under half a second): what is heavy is imported inside the function that
does the work.
"""

from __future__ import annotations

import inspect
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from code_reward.errors import CodeRewardError, ConfigurationError


class Command(BaseSettings):
    """Base of a command's settings: options are kebab-case, flags need no value, the class docstring is the help's first paragraph,
    and a variable `CODE_REWARD_<OPTION>` of the environment stands in for an option that is not given."""

    model_config = SettingsConfigDict(
        env_prefix="CODE_REWARD_",
        extra="forbid",
        cli_parse_args=False,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_enforce_required=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        # The help prints the docstring as it stands.
        cls.__doc__ = inspect.getdoc(cls)
        for name, field in cls.model_fields.items():
            if any(get_origin(kind) is tuple for kind in (field.annotation, *get_args(field.annotation))):
                raise TypeError(
                    f"{cls.__name__}.{name} must be a list: the newest pydantic-settings on Python 3.10 takes a tuple's words for JSON."
                )


C = TypeVar("C", bound=Command)


def run(command: type[C], main: Callable[[C], int | None], arguments: list[str] | None = None, program: str | None = None) -> None:
    """Parse `arguments` (the process's own by default) into `command`, run `main`, and exit. The help calls the command `program`
    (`python -m` and its module by default).

    Exit status: what `main` returns (None is 0); 2 for a wrong option, a `CodeRewardError` or a package of others that cannot be imported,
    each told on stderr in one line; 130 after Ctrl-C, which is answered with one line at once, before what runs is cleaned up.
    """
    interrupt = _Interrupt()
    interrupt.catch()
    try:
        settings = _parse(command, sys.argv[1:] if arguments is None else arguments, program or _program())
        status = _call(main, settings, interrupt)
        sys.stdout.flush()
        sys.exit(status)
    except CodeRewardError as error:
        sys.exit(_fail(str(error), 2))
    except BrokenPipeError:
        if not _reader_has_gone():
            raise
        # Python flushes once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        # One of a file is the user's to mend; any other, of a pipe or a process, is ours.
        if error.filename is None or error.strerror is None:
            raise
        sys.exit(_fail(f"{os.fsdecode(error.filename)}: {error.strerror}; give a path that can be used.", 2))
    except ImportError as error:
        # Of a package that is not there, or does not work there: the environment's owner mends it. One of our own modules is ours to mend.
        if (error.name or "").partition(".")[0].startswith(_OURS):
            raise
        sys.exit(_fail(_lacking(error), 2))
    except KeyboardInterrupt:
        interrupt.say()
        sys.exit(130)


_OURS = ("code_reward", "reward_servers", "data_prep", "rm_train", "benchmarks", "scripts", "slime_on_cpu")


def _call(main: Callable[[C], int | None], settings: C, interrupt: _Interrupt) -> int | None:
    try:
        return main(settings)
    except Exception as error:
        # What fails once Ctrl-C has come fails of it: libraries wrap what it raises in their midst, as torch does where it writes a file.
        if interrupt.came:
            raise KeyboardInterrupt from error
        raise


def _lacking(error: ImportError) -> str:
    """What cannot be imported, at its root, and where from."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    why = str(error).rstrip(".") if root is error else f"{str(error).rstrip('.')}: {root}"
    return f"{sys.executable} lacks what this command needs ({why}); install it there, or use the environment that make install makes."


class _Interrupt:
    """Ctrl-C: says so once, and raises `KeyboardInterrupt` as Python does. Where it is ignored (a shell's background job), it stays so;
    what catches it for itself (a server) does."""

    def __init__(self) -> None:
        self.came = False

    def catch(self) -> None:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)

    def say(self) -> None:
        if not self.came:
            self.came = True
            if os.environ.get("RANK", "0") == "0":  # Of torchrun's processes, one speaks for all.
                # Not `print`: the signal may have come in the middle of one.
                os.write(2, b"error: interrupted; what was finished is kept.\n")

    def _handle(self, number: int, frame: Any) -> None:
        self.say()
        signal.default_int_handler(number, frame)


def _parse(command: type[C], words: list[str], program: str) -> C:
    """The settings that the words say; raises `ConfigurationError`."""
    try:
        return command(_cli_parse_args=words, _cli_prog_name=program)  # type: ignore[call-arg]
    except ValidationError as error:
        raise ConfigurationError("; ".join(_explain(detail) for detail in error.errors())) from error
    except SettingsError as error:
        raise ConfigurationError(f"{error}; correct it, see --help.") from error


def _reader_has_gone() -> bool:
    """Whether our standard output is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(sys.stdout, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"python -m {spec.name.removesuffix('.__main__')}" if spec else sys.argv[0]


def _explain(detail: Any) -> str:
    # A number in the place is the index of one of several values.
    option = "--" + "-".join(part for part in detail["loc"] if isinstance(part, str)).replace("_", "-")
    return f"{option}: {detail['msg']}" if detail["loc"] else str(detail["msg"])


def _fail(message: str, status: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status

"""The options of a slime command as they stand on its command line, without slime.

slime's parsers ignore what they do not know, so that looking at their result would never show a typing mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from code_reward.errors import ConfigurationError


class TrainArguments:
    """Options and their values, in the order of the command line; the last of a repeated option counts, as in argparse."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._values: dict[str, list[str]] = {}
        option = None
        for word in words:
            if word.startswith("--"):
                option, equals, value = word.partition("=")
                self._values[option] = [value] if equals else []
            elif option is not None:
                self._values[option].append(word)

    @property
    def options(self) -> Iterable[str]:
        """Every option that is given."""
        return self._values.keys()

    def has(self, option: str) -> bool:
        """Whether it is given, with or without a value."""
        return option in self._values

    def all(self, option: str) -> list[str]:
        """Its values; none if it is not given."""
        return self._values.get(option, [])

    def one(self, option: str) -> str | None:
        """Its value; None if it is not given; raises `ConfigurationError` if it is given without one."""
        if not self.has(option):
            return None
        if not self._values[option]:
            raise ConfigurationError(f"{option} has no value; give it one.")
        return self._values[option][0]

    def number(self, option: str, default: int | None = None) -> int:
        """Its value as a whole number; raises `ConfigurationError` if it is none, or is not given and has no default."""
        value = self.one(option)
        if value is None and default is not None:
            return default
        try:
            return int(value or "")
        except ValueError:
            raise ConfigurationError(f"{option} must be a whole number, not {value!r}; correct it.") from None

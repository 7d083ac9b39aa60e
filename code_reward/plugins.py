"""Third parties add shaping presets, RM-input presets and problem sources without touching this repository.

An installed distribution names a function under the entry point group `code_reward.plugins`:

    [project.entry-points."code_reward.plugins"]
    my-lab = "my_lab.rewards:register"

and that function adds things by kind and name:

    def register(registry: Registry) -> None:
        registry.add("shaping", "my-lab", Preset(score=math.atan, rejected=-2.0))

Plugins are loaded once, when a name is first asked for. A broken one cannot harm a run that does not use it: it is an error where a name
is asked for that is not one of ours. None can replace a built-in name nor another plugin's, and nothing about that is silent: whoever asks
for a name that a plugin has taken is told so by a `ConfigurationError` that names the plugin, and does not get ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, get_args

from code_reward.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "code_reward.plugins"

Kind = Literal["shaping", "rm_input", "problem_source"]

T = TypeVar("T")


@dataclass(frozen=True)
class _Entry:
    value: object
    plugin: str


class Registry:
    """What plugins have added; a plugin's `register` function is given one."""

    def __init__(self) -> None:
        self._entries: dict[Kind, dict[str, _Entry]] = {kind: {} for kind in get_args(Kind)}
        self._plugin = "?"

    def add(self, kind: Kind, name: str, value: object) -> None:
        """Add `value` under `name`; raises `ConfigurationError` for an unknown kind, an empty name or one that is taken."""
        if kind not in self._entries:
            raise ConfigurationError(f"unknown kind {kind!r}; use one of {', '.join(self._entries)}.")
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"the name of a {kind} must be a string that is not empty, not {name!r}.")
        if name in self._entries[kind]:
            raise ConfigurationError(
                f"the {kind} {name!r} is already that of plugin {self._entries[kind][name].plugin}; rename one of them."
            )
        self._entries[kind][name] = _Entry(value, self._plugin)

    def entries(self, kind: Kind) -> Mapping[str, _Entry]:
        """What was added of one kind, by name."""
        return self._entries[kind]

    def load(self, entry_point: EntryPoint) -> None:
        """Let one plugin register itself; whatever it raises becomes a `ConfigurationError` that names it."""
        self._plugin = f"{entry_point.name!r} ({entry_point.value})"
        try:
            entry_point.load()(self)
        except Exception as error:
            reason = str(error).rstrip(".") if isinstance(error, ConfigurationError) else f"{type(error).__name__}: {error}"
            raise ConfigurationError(f"Plugin {self._plugin} is broken: {reason}; mend or uninstall it.", kind="broken_plugin") from error


@cache
def installed() -> Registry:
    """Everything that the plugins of this environment register; raises `ConfigurationError` for a broken one."""
    from importlib.metadata import entry_points

    registry = Registry()
    for entry_point in sorted(entry_points(group=GROUP), key=lambda found: found.name):
        registry.load(entry_point)
    return registry


@cache
def working() -> Registry:
    """What the plugins register if all of them can be loaded; nothing if one is broken."""
    try:
        return installed()
    except ConfigurationError:
        return Registry()


def forget() -> None:
    """Look again for plugins when the next name is asked for."""
    installed.cache_clear()
    working.cache_clear()


class Catalogue(Generic[T]):
    """The things of one kind by name: our own, then the plugins'.

    Args:
        kind: Which of the kinds that a plugin may add.
        expected: The class that every value must be an instance of.
        ours: The built-in ones.
    """

    def __init__(self, kind: Kind, expected: type[T], ours: Mapping[str, T]) -> None:
        self._kind, self._expected, self._ours = kind, expected, dict(ours)

    def get(self, name: str) -> T:
        """The value of that name; raises `ConfigurationError` that lists the known names, or for a built-in one that a plugin has taken."""
        if name in self._ours:
            self._refuse(name, working())
            return self._ours[name]
        everything = self._everything()
        if name not in everything:
            raise ConfigurationError(f"Unknown {self._kind} {name!r}; use one of {', '.join(sorted(everything))}.", kind="unknown_name")
        return everything[name]

    @property
    def built_in(self) -> list[str]:
        """Our own names."""
        return list(self._ours)

    def _refuse(self, name: str, registry: Registry) -> None:
        entry = registry.entries(self._kind).get(name)
        if entry is not None:
            raise ConfigurationError(f"Plugin {entry.plugin} takes the built-in name {name!r} of a {self._kind}; rename it.")

    def names(self) -> list[str]:
        """Every name, ours and the plugins', sorted."""
        return sorted(self._everything())

    def _everything(self) -> dict[str, T]:
        everything = dict(self._ours)
        for name in self._ours:
            self._refuse(name, installed())
        for name, entry in installed().entries(self._kind).items():
            if not isinstance(entry.value, self._expected):
                found, wanted = type(entry.value).__name__, self._expected.__name__
                raise ConfigurationError(f"Plugin {entry.plugin}: the {self._kind} {name!r} is a {found}, not a {wanted}; mend the plugin.")
            everything[name] = entry.value
        return everything

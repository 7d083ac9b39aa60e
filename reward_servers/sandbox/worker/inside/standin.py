"""Stand-ins for a program's names and objects, in the process of tests that run apart from it.

What comes back from the program is a plain value wherever it can be. Where it cannot, how far it is believed depends on the test:

- `Made` stands for an object that the test itself constructed (`Stack()`): it has all the methods and operators of its class.
- `Given` stands for an object that a call returned. It may be asked for its parts (attributes, items, length), which must then be right,
  but it never decides a comparison with a plain value: a program cannot return an object that equals everything.
"""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker.inside.report import read_message
from reward_servers.sandbox.worker.values import NotPlain, Wire, decode, encode


class Unsendable(BaseException):
    """The test gives the program something that is not plain (a function of its own, say): it must run inline."""


class WitnessLost(BaseException):
    """The program's process is gone."""


class Line:
    """The questions' side of the line to the program's process, which says an empty word first, when the program is loaded."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._objects: dict[int, Remote] = {}
        self.broken: BaseException | None = None
        """What ended the line; kept here, because a test may catch whatever is raised."""
        self._hear()

    def _hear(self) -> bytes:
        try:
            answer = read_message(self._fd)
        except OSError:
            answer = None
        if answer is None:
            self.broken = WitnessLost()
            raise self.broken
        return answer

    def ask(
        self, target: Wire, attribute: str | None, arguments: tuple[Any, ...], named: dict[str, Any] | None, *, make: bool = False
    ) -> Any:
        """Call (or, with `named` None, read) something of the program; returns or raises what the program did."""
        positional = [self._send(argument) for argument in arguments]
        keywords = None if named is None else {name: self._send(argument) for name, argument in named.items()}
        what, *rest = self._exchange([target, attribute, positional, keywords])
        if what == "error":
            raise _error(*rest)
        result, changes = rest
        for place, wire in changes:
            _overwrite(arguments[place] if isinstance(place, int) else (named or {})[place], self._receive(wire))
        if what == "argument":
            return arguments[result] if isinstance(result, int) else (named or {})[result]
        if make and isinstance(result, dict) and result.get("t") == "ref":
            return self._objects.setdefault(result["v"], Made(self, result))
        return self._receive(result)

    def _exchange(self, question: list[Any]) -> list[Any]:
        data = json.dumps(question, separators=(",", ":")).encode()
        data = len(data).to_bytes(4, "big") + data
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            self.broken = WitnessLost()
            raise self.broken from None
        return list(json.loads(self._hear()))

    def _send(self, value: Any) -> Wire:
        try:
            return encode(value, _wire_of)
        except NotPlain as error:
            self.broken = Unsendable(str(error))
            raise self.broken from None

    def _receive(self, wire: Wire) -> Any:
        return decode(wire, self._find)

    def _find(self, tag: str, payload: Any) -> Any:
        if tag != "ref" or not isinstance(payload, int):
            raise ValueError(f"unknown tag {tag!r}")
        return self._objects.setdefault(payload, Given(self, {"t": "ref", "v": payload}))


def _wire_of(value: Any) -> Wire:
    if isinstance(value, Remote):
        return object.__getattribute__(value, "_wire")
    raise NotPlain(type(value).__qualname__)


def _overwrite(argument: Any, after: Any) -> None:
    if isinstance(argument, list):
        argument[:] = after
    elif isinstance(argument, (dict, set)):
        argument.clear()
        argument.update(after)


def _error(names: list[str], arguments: Wire, text: str) -> BaseException:
    """The nearest built-in exception; never one that steers a test runner (a skip, an interrupt)."""
    for name in names:
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and (issubclass(kind, Exception) or kind is SystemExit):
            try:
                return kind(*decode(arguments))
            except Exception:
                return RuntimeError(text)
    return RuntimeError(text)


class Remote:
    """Something of the program, held by its wire form."""

    def __init__(self, line: Line, wire: Wire) -> None:
        object.__setattr__(self, "_line", line)
        object.__setattr__(self, "_wire", wire)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _ask(self, None, arguments, named)

    def __getattr__(self, name: str) -> Any:
        return _ask(self, name, (), None)

    def __setattr__(self, name: str, value: Any) -> None:
        apply(self, "setattr", self, name, value)

    def __hash__(self) -> int:
        return hash(str(_wire_of(self)))

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Remote):
            return self is other
        return apply(self, "eq", self, other) is True


def _ask(remote: Remote, attribute: str | None, arguments: tuple[Any, ...], named: dict[str, Any] | None, *, make: bool = False) -> Any:
    line: Line = object.__getattribute__(remote, "_line")
    return line.ask(_wire_of(remote), attribute, arguments, named, make=make)


def apply(remote: Remote, function: str, *arguments: Any) -> Any:
    """Apply a built-in function, or one of module `operator`, beside the program."""
    line: Line = object.__getattribute__(remote, "_line")
    return line.ask({"t": "function", "v": function}, None, arguments, {})


def _delegate(kind: type, functions: str) -> None:
    for function in functions.split():
        setattr(kind, f"__{function}__", _operator(function))


def _operator(function: str) -> Callable[..., Any]:
    reflected = function in ("radd", "rsub", "rmul", "rtruediv")

    def operator(self: Remote, *arguments: Any) -> Any:
        return apply(self, function[1:], *arguments, self) if reflected else apply(self, function, self, *arguments)

    return operator


class Name(Remote):
    """A name of the program: a function or, when it begins with a capital, a class."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        name = str(_wire_of(self)["v"]).lstrip("_")
        return _ask(self, None, arguments, named, make=name[:1].isupper())

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, Remote) and apply(self, "isinstance", instance, self) is True


_PLAIN_METHODS = frozenset(name for kind in (str, list, dict, set, tuple, int, float, bytes) for name in dir(kind) if name[0] != "_")


class Given(Remote):
    """An object that a call returned."""

    def __getattr__(self, name: str) -> Any:
        if name in _PLAIN_METHODS:
            raise AttributeError(f"the result is an object of the program's own, whose {name!r} is not believed")
        return _ask(self, name, (), None)


_delegate(Given, "len iter next getitem str repr bool float int index round")


class Made(Remote):
    """An object that the test constructed."""

    def __enter__(self) -> Any:
        return _ask(self, "__enter__", (), {})

    def __exit__(self, *error: Any) -> Any:
        return _ask(self, "__exit__", error, {})


_delegate(Made, "len iter next getitem setitem delitem contains str repr bool float int index round abs neg")
_delegate(Made, "add sub mul truediv floordiv mod pow matmul radd rsub rmul rtruediv lt le gt ge")


def stand_ins(line: Line, names: list[str]) -> dict[str, Any]:
    """A stand-in for each name."""
    return {name: Name(line, {"t": "name", "v": name}) for name in names}

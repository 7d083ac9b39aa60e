"""What runs inside the sandbox beside a traced program: the recorder, and the driver that makes the calls.

The text of this module is sent into the sandbox, so it imports nothing of ours. Values are shown without running any code of the program:
only exact built-in types are looked into. Once the first events are full, the last ones are kept in a ring, where values that cannot
change lie as they are and containers are shown on every power of two of a place's visits, else only measured: a hot loop stays cheap.
"""

from __future__ import annotations

import ast
import builtins
import collections
import contextlib
import json
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

Event = tuple[Any, ...]

ELEMENTS, DEPTH, TEXT, PLAIN_TEXT, FRAMES, SHORT = 8, 3, 80, 100_000, 4, 5
SCALARS = frozenset((int, bool, float, type(None)))
TOO_DEEP = "maximum recursion depth exceeded"
IMMUTABLE = frozenset((*SCALARS, complex, str, bytes, range))
SEQUENCES: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
    collections.deque: ("[", "]"),
}
MAPPINGS = frozenset((dict, collections.defaultdict, collections.OrderedDict, collections.Counter))
SIZED = frozenset((*SEQUENCES, *MAPPINGS, str, bytes, bytearray, range))


def cut(text: str) -> str:
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"


def show(value: Any, depth: int = DEPTH) -> str:
    """One line that says what a value is; bounded, whatever the value."""
    kind = type(value)
    if kind is int:
        return repr(value) if value.bit_length() < 256 else f"int of {value.bit_length()} bits"
    if kind in SCALARS or kind is complex or kind is range:
        return repr(value)
    if kind in (str, bytes, bytearray):
        return cut(repr(value[:TEXT]))
    if kind in SEQUENCES:
        return show_elements(value, *SEQUENCES[kind], depth, lambda element: show(element, depth - 1))
    if kind in MAPPINGS:
        return show_elements(value.items(), "{", "}", depth, lambda item: f"{show(item[0], depth - 1)}: {show(item[1], depth - 1)}")
    return show_object(value, kind, depth)


def show_elements(elements: Any, before: str, after: str, depth: int, write: Callable[[Any], str]) -> str:
    if depth <= 0:
        return f"{before}…{len(elements)}…{after}"
    shown = [write(element) for element, _ in zip(elements, range(ELEMENTS), strict=False)]
    if len(elements) > ELEMENTS:
        shown.append(f"… {len(elements)} in all")
    return before + ", ".join(shown) + (",)" if len(shown) == 1 and after == ")" else after)


def show_object(value: Any, kind: type, depth: int) -> str:
    name = type.__getattribute__(kind, "__name__")
    if kind is types.FunctionType or kind is type or depth <= 1:
        return f"<{name}>"
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return f"<{name}>"
    if type(attributes) is not dict:
        return f"<{name}>"
    plain = [(key, item) for key, item in list(attributes.items())[:ELEMENTS] if type(key) is str]
    return f"<{name} {', '.join(f'{key}={show(item, depth - 1)}' for key, item in plain)}>"


def brief(kind: type, size: int) -> str:
    name = type.__getattribute__(kind, "__name__")
    return f"<{name} of {size}>" if size >= 0 else f"<{name}>"


def show_error(error: BaseException) -> str:
    kind = type(error)
    name = type.__getattribute__(kind, "__name__")
    arguments = BaseException.__dict__["args"].__get__(error)
    if kind is RecursionError and arguments and type(arguments[0]) is str and arguments[0].startswith(TOO_DEEP):
        # What the text goes on to name, the step that was one too deep, depends on the frames of whoever watches.
        return f"{name}: {TOO_DEEP}"
    # Only the built-in exceptions are sure to show themselves without code of the program's.
    if kind.__module__ == "builtins" and all(type(one) in SCALARS or type(one) is str for one in arguments):
        return cut(f"{name}: {error}")
    return cut(f"{name}: {', '.join(show(one) for one in arguments)}")


class Recorder:
    """Keeps the first `head` events and the last `tail` of each call.

    An event is (place, value) as long as the value cannot change, else (place, words, -1), or (place, type, size) in few words.
    """

    def __init__(self, head: int, tail: int) -> None:
        # Closures, not attributes, and no global names: they are the fastest variables there are.
        first: list[Event] = []
        last: collections.deque[Event] = collections.deque(maxlen=tail)
        keep, immutable, sized, type_of, pair = last.append, IMMUTABLE, SIZED, type, tuple
        visits: dict[int, int] = {}
        seen = visits.get
        total = 0

        def put(site: int, value: Any) -> Any:
            nonlocal total
            total += 1
            if total <= head:
                first.append((site, show(value), -1))
                return value
            kind = type_of(value)
            if kind in immutable:
                keep((site, value))
                return value
            if kind is pair and len(value) < SHORT:
                for element in value:
                    if type_of(element) not in immutable:
                        break
                else:
                    keep((site, value))
                    return value
            visits[site] = count = seen(site, 0) + 1
            if count & (count - 1):
                keep((site, kind, len(value) if kind in sized else -1))
            else:
                keep((site, show(value), -1))
            return value

        def caught(site: int) -> None:
            nonlocal total
            total += 1
            error = sys.exc_info()[1]
            (first if total <= head else last).append((site, show_error(error) if error else "", -1))

        def reset() -> None:
            nonlocal total
            first.clear()
            last.clear()
            visits.clear()
            total = 0

        def events() -> tuple[list[tuple[int, str]], int]:
            told = [(event[0], in_words(event)) for event in (*first, *last)]
            return told, total - len(told)

        self.put, self.caught, self.reset, self.events = put, caught, reset, events


def in_words(event: Event) -> str:
    if len(event) == 2:
        return show(event[1])
    what, size = event[1:]
    return what if type(what) is str else brief(what, size)


def to_literal(value: Any, depth: int = 20) -> str | None:
    """The value as source text that `ast.literal_eval` reads back; None for what has no such text."""
    kind = type(value)
    if kind is float:
        return repr(value) if value - value == 0 else None
    if kind in (list, tuple, set):
        parts = literals(value, depth)
        if parts is None or (kind is set and not parts):
            return None
        before, after = SEQUENCES[kind]
        return f"{before}{', '.join(parts)}{',' if kind is tuple and len(parts) == 1 else ''}{after}"
    if kind is dict:
        keys, items = literals(value, depth), literals(value.values(), depth)
        return None if keys is None or items is None else "{" + ", ".join(map("{}: {}".format, keys, items)) + "}"
    try:
        return repr(value) if kind in SCALARS or kind in (str, bytes) else None
    except ValueError:
        return None


def literals(values: Iterable[Any], depth: int) -> list[str] | None:
    parts = []
    for value in values:
        part = to_literal(value, depth - 1) if depth else None
        if part is None:
            return None
        parts.append(part)
    return parts


def flush(stream: Any) -> None:
    # The program may have put anything in its place, or closed it.
    with contextlib.suppress(Exception):
        stream.flush()


class Driver:
    """Makes the calls of an order, and writes a line of JSON for each on the descriptor that standard error was.

    What the program prints stays on standard output, where what it writes as errors goes too; a line says from where to where.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.recorder = Recorder(order["head"], order["tail"]) if order["put"] else None
        self.out = os.dup(2)
        self.seen = 0
        self.what, self.began = "load", 0.0
        os.dup2(1, 2)

    def main(self) -> None:
        signal.signal(signal.SIGVTALRM, self.give_up)
        if self.recorder:
            setattr(builtins, self.order["put"], self.recorder.put)
            setattr(builtins, self.order["caught"], self.recorder.caught)
            sys.setrecursionlimit(sys.getrecursionlimit() + 16)
        module = types.ModuleType(self.order["name"])
        module.__file__ = "solution.py"
        sys.modules[self.order["name"]] = module
        if not self.step("load", lambda: exec(compile(self.order["source"], "solution.py", "exec", dont_inherit=True), module.__dict__)):
            return
        callees: dict[str, Any] = {}
        for callee, arguments in self.order["calls"]:
            self.step("call", partial(self.call, callee, arguments, module.__dict__, callees))

    def call(self, callee: str, arguments: str, namespace: dict[str, Any], callees: dict[str, Any]) -> Any:
        if callee not in callees:
            callees[callee] = eval(callee, namespace)
        values = ast.literal_eval(arguments)
        return callees[callee](**values) if isinstance(values, dict) else callees[callee](*values)

    def step(self, what: str, action: Callable[[], Any]) -> bool:
        if self.recorder:
            self.recorder.reset()
        self.what, self.began = what, time.thread_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, self.order["cpu_seconds"])
        try:
            value = action()
            self.report(what, "returned", self.began, literal=to_literal(value) if what == "call" else None, shown=show(value))
        except BaseException as error:
            self.report(what, "raised", self.began, error=show_error(error), frames=self.frames(error.__traceback__))
            return False
        return True

    def frames(self, traceback: types.TracebackType | None) -> list[Any]:
        places = []
        while traceback is not None:
            frame = traceback.tb_frame
            if frame.f_code.co_filename == "solution.py":
                places.append((traceback.tb_lineno, frame))
            traceback = traceback.tb_next
        return [self.frame(line, frame) for line, frame in places[-FRAMES:]]

    def frame(self, line: int, frame: types.FrameType) -> list[Any]:
        held = frame.f_locals if frame.f_code.co_name != "<module>" else {}
        return [line, frame.f_code.co_name, [[name, show(value)] for name, value in list(held.items())[:ELEMENTS] if name != "self"]]

    def give_up(self, number: int, frame: types.FrameType | None) -> None:
        while frame is not None and frame.f_code.co_filename != "solution.py":
            frame = frame.f_back
        self.report(self.what, "out_of_time", self.began, frames=[self.frame(frame.f_lineno, frame)] if frame is not None else [])
        os._exit(0)

    def report(
        self, what: str, end: str, began: float, literal: str | None = None, shown: str = "", error: str = "", frames: Iterable[Any] = ()
    ) -> None:
        seconds = time.thread_time() - began
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        flush(sys.stdout)
        events, dropped = self.recorder.events() if self.recorder else ([], 0)
        size = os.fstat(1).st_size
        record = {
            "what": what,
            "end": end,
            "seconds": seconds,
            "literal": literal if literal is None or len(literal) <= PLAIN_TEXT else None,
            "shown": shown,
            "error": error,
            "frames": frames,
            "printed": [self.seen, size],
            "events": events,
            "dropped": dropped,
        }
        self.seen = size
        data = json.dumps(record).encode() + b"\n"
        while data:
            data = data[os.write(self.out, data) :]

"""Beside the candidate: make the calls that were ordered and write their values. What they should be is not known here."""

from __future__ import annotations

import builtins
import marshal
import time
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker.inside.program import load
from reward_servers.sandbox.worker.inside.report import Report, describe
from reward_servers.sandbox.worker.values import NotPlain, encode


def run_calls(work: dict[str, Any], report: Report) -> None:
    """Load the program, then write one event per call: ["value", seconds, wire], ["not_plain", s, type] or ["error", s, kind, text]."""
    clock = time.process_time
    try:
        namespace = load(work["program"]).__dict__
    except BaseException as error:
        report.write("load_error", *describe(error))
        return
    report.write("loaded", 0)
    callees: dict[str, Any] = {}
    began = clock()
    for callee, arguments, wrapper in work["calls"]:
        what, *rest = _evaluate(callee, arguments, wrapper, namespace, callees)
        now = clock()
        report.write(what, now - began, *rest)
        began = now


def _evaluate(callee: str, arguments: bytes | None, wrapper: str, namespace: dict[str, Any], callees: dict[str, Any]) -> tuple[Any, ...]:
    try:
        if arguments is None:
            value = eval(callee, namespace)
        else:
            positional, keywords = marshal.loads(arguments)
            value = _callee(callee, namespace, callees)(*positional, **keywords)
        return "value", encode(_WRAPPERS[wrapper](value) if wrapper else value)
    except NotPlain as error:
        return "not_plain", str(error)
    except BaseException as error:
        return "error", *describe(error)


def _callee(source: str, namespace: dict[str, Any], callees: dict[str, Any]) -> Any:
    """The function, or the bound method of one object for all calls, as a test script would keep it."""
    if source.isidentifier():
        return namespace[source] if source in namespace else eval(source, namespace)
    if source not in callees:
        callees[source] = eval(source, namespace)
    return callees[source]


_WRAPPERS: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(builtins, name) for name in ("set", "sorted", "list", "tuple", "len", "sum", "dict", "str", "round", "frozenset")},
    **{name: getattr(builtins, name) for name in ("int", "float", "bool", "abs")},
    "not": lambda value: not value,
}

"""Beside the candidate: make the calls that were ordered and write their values. What they should be is not known here."""

from __future__ import annotations

import marshal
import operator
import time
from typing import Any

from reward_servers.sandbox.worker.inside.program import load
from reward_servers.sandbox.worker.inside.report import Report, describe
from reward_servers.sandbox.worker.values import NotPlain, encode

Order = tuple[int, str, bytes | None, str]
"""Number of the test, what is called or evaluated, marshalled arguments, a function of one argument over the result."""


def run_calls(work: dict[str, Any], report: Report) -> None:
    """Load the program, then write one event per call: ["value", seconds, wire], ["not_plain", s, type] or ["error", s, flag, text]."""
    clock = time.process_time
    try:
        namespace = load(work["program"]).__dict__
        for source in work["imports"]:
            exec(source, namespace)
    except BaseException as error:
        report.write("load_error", *describe(error))
        return
    report.write("loaded")
    callees: dict[tuple[int, str], Any] = {}
    began = clock()
    for order in work["calls"]:
        what, *rest = _evaluate(order, namespace, callees)
        now = clock()
        report.write(what, now - began, *rest)
        began = now


def _evaluate(order: Order, namespace: dict[str, Any], callees: dict[tuple[int, str], Any]) -> tuple[Any, ...]:
    test, callee, arguments, wrapper = order
    try:
        if arguments is None:
            value = eval(callee, namespace)
        else:
            positional, keywords = marshal.loads(arguments)
            value = _callee(test, callee, namespace, callees)(*positional, **keywords)
        if wrapper:
            # What is expected, true or false, is not told.
            value = operator.truth(value) if wrapper == "bool" else eval(wrapper, namespace)(value)
        return "value", encode(value)
    except NotPlain as error:
        return "not_plain", str(error)
    except BaseException as error:
        return "error", *describe(error)


def _callee(test: int, source: str, namespace: dict[str, Any], callees: dict[tuple[int, str], Any]) -> Any:
    """The function, or the bound method of one object for all calls of a test, as a test script would keep it."""
    if source.isidentifier():
        return namespace[source] if source in namespace else eval(source, namespace)
    if (test, source) not in callees:
        callees[test, source] = eval(source, namespace)
    return callees[test, source]

"""Beside the candidate: make the calls that were ordered and write their values. What they should be is not known here."""

from __future__ import annotations

import marshal
import operator
import time
from typing import Any

from reward_servers.sandbox.worker.inside.program import load
from reward_servers.sandbox.worker.inside.report import Report, describe
from reward_servers.sandbox.worker.values import NotPlain, encode

Order = tuple[int, bytes, bool]
"""Number of the test, a marshalled expression, and whether only its truth is asked for."""
Named = tuple[tuple[str, str] | None, tuple[str, ...] | None]
Scope = tuple[dict[str, Any], dict[str, Any]]


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
    scopes: dict[int, Scope] = {}
    began = clock()
    for order in work["calls"]:
        what, *rest = _evaluate(order, namespace, work["scopes"], scopes)
        now = clock()
        report.write(what, now - began, *rest)
        began = now


def _evaluate(order: Order, namespace: dict[str, Any], named: list[Named], scopes: dict[int, Scope]) -> tuple[Any, ...]:
    test, code, truth = order
    try:
        if test not in scopes:
            scopes[test] = _scope(namespace, *named[test])
        value = eval(marshal.loads(code), *scopes[test])
        return "value", encode(operator.truth(value) if truth else value)
    except NotPlain as error:
        return "not_plain", str(error)
    except BaseException as error:
        return "error", *describe(error)


def _scope(namespace: dict[str, Any], candidate: tuple[str, str] | None, imported: tuple[str, ...] | None) -> Scope:
    """The global and the local names of a test."""
    if imported is not None:
        return {name: namespace[name] for name in imported}, {}
    return namespace, {candidate[0]: eval(candidate[1], namespace)} if candidate else {}

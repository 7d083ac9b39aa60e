"""Beside the candidate, for tests that run apart: makes the calls that the tests ask for and sends back values.

One JSON message per question, one per answer, each with its length before it.

    at first  an empty message, once the program is loaded
    question  [target, attribute or None, [positional], {keywords} or None]     no keywords: read the attribute, call nothing
    answer    ["value", wire, [[position or keyword, wire after the call], …]] or ["error", [class names], wire of its args, text]

What is not plain stays here and crosses as a number, {"t": "ref"}; the tests name things by {"t": "name"} and {"t": "function"}.
"""

from __future__ import annotations

import builtins
import json
import operator
import os
from typing import Any

from reward_servers.sandbox.worker.inside.program import load
from reward_servers.sandbox.worker.inside.report import Report, describe, read_message
from reward_servers.sandbox.worker.values import NotPlain, Wire, decode, encode


class Cabinet:
    """The objects that stay, by number; the same object always has the same number."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}

    def put(self, value: Any) -> Wire:
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return {"t": "ref", "v": self._numbers[id(value)]}

    def find(self, tag: str, payload: Any) -> Any:
        if tag == "ref":
            return self._objects[payload]
        if tag == "name":
            return self._namespace[payload]
        if tag == "function":
            return getattr(builtins, payload, None) or getattr(operator, payload)
        raise ValueError(f"unknown tag {tag!r}")


def run_witness(work: dict[str, Any], report: Report, questions: int) -> None:
    """Load the program, then answer questions from the descriptor `questions` until it is closed."""
    try:
        namespace = load(work["program"]).__dict__
    except BaseException as error:
        report.write("load_error", *describe(error))
        return
    cabinet = Cabinet(namespace)
    os.write(questions, bytes(4))
    while (message := read_message(questions)) is not None:
        answer = json.dumps(_answer(json.loads(message), cabinet), separators=(",", ":")).encode()
        answer = len(answer).to_bytes(4, "big") + answer
        while answer:
            answer = answer[os.write(questions, answer) :]


def _answer(question: Any, cabinet: Cabinet) -> list[Any]:
    target, attribute, positional, keywords = question
    try:
        subject = decode(target, cabinet.find)
        if attribute is not None:
            subject = getattr(subject, attribute)
        if keywords is None:
            return ["value", encode(subject, cabinet.put), []]
        arguments = [decode(wire, cabinet.find) for wire in positional]
        named = {name: decode(wire, cabinet.find) for name, wire in keywords.items()}
        value = subject(*arguments, **named)
        for place, argument in [*enumerate(arguments), *named.items()]:
            if value is argument and isinstance(value, (list, dict, set)):
                return ["argument", place, _changes(positional, keywords, arguments, named, cabinet)]
        return ["value", encode(value, cabinet.put), _changes(positional, keywords, arguments, named, cabinet)]
    except NotPlain as error:
        return ["error", ["TypeError"], [], f"a {error} cannot cross"]
    except BaseException as error:
        return ["error", *_describe_error(error)]


def _changes(positional: Any, keywords: Any, arguments: list[Any], named: dict[str, Any], cabinet: Cabinet) -> list[Any]:
    """What the call did to its arguments, so that a test which looks at them sees it."""
    changes: list[Any] = []
    for place, argument in [*enumerate(arguments), *named.items()]:
        if isinstance(argument, (list, dict, set)):
            after = encode(argument, cabinet.put)
            if after != (positional[place] if isinstance(place, int) else keywords[place]):
                changes.append([place, after])
    return changes


def _describe_error(error: BaseException) -> tuple[list[str], Wire, str]:
    names = [kind.__name__ for kind in type(error).__mro__]
    try:
        arguments = encode(list(error.args))
    except NotPlain:
        arguments = [str(error)[:500]]
    return names, arguments, describe(error)[1]

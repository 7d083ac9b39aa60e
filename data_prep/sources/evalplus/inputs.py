"""The inputs of MBPP+ as Python values again.

JSON knows no tuples or complex numbers, so evalplus wrote them as lists and strings. What each argument was is told by the
published assertions, which call the function with Python literals: the form of those examples is learnt here and applied to all inputs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from typing import Any

CONTAINERS = (list, tuple, dict)
NUMBERS = (bool, int, float, complex)


@dataclass(frozen=True)
class Form:
    """What a value is made of, as examples show it."""

    kind: type = object
    """A container, `complex` for any number, or `object` for what JSON gives back as it was."""
    items: Form | None = None
    """The form of the elements or of a mapping's values, if an example had any."""

    def apply(self, value: Any, deeper: type = list) -> Any:
        """Rebuild a value that JSON flattened. Below what the examples had, a list is of the kind `deeper`: it stays a list, unless
        the examples nest tuples in tuples, which then go on to any depth."""
        items = self.items or Form()
        if isinstance(value, list):
            kind = self.kind if self.kind in CONTAINERS else deeper
            inner = [items.apply(item, kind if items.kind is kind else deeper) for item in value]
            return tuple(inner) if kind is tuple else inner
        if isinstance(value, dict):
            return {key: items.apply(item, deeper) for key, item in value.items()}
        return _number(value) if isinstance(value, str) and self.kind is complex else value


def learn_forms(assertions: str, entry_point: str) -> list[Form]:
    """One form per argument, from every call of the entry point with literal arguments in `assertions`."""
    calls = [[_form(argument) for argument in call] for call in _literal_calls(assertions, entry_point)]
    return [_common(forms) for forms in zip_longest(*calls, fillvalue=Form())]


def restore(inputs: Iterable[Sequence[Any]], forms: Sequence[Form]) -> list[tuple[Any, ...]]:
    """The arguments of every call; an argument that no example had stays as it is."""
    return [tuple((forms[i] if i < len(forms) else Form()).apply(value) for i, value in enumerate(call)) for call in inputs]


def _literal_calls(assertions: str, entry_point: str) -> list[list[Any]]:
    calls = []
    for node in ast.walk(ast.parse(assertions)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == entry_point:
            try:
                calls.append([ast.literal_eval(argument) for argument in node.args])
            except ValueError:
                continue  # An expression such as `14 * 14`: a number, of which JSON has the value.
    return calls


def _number(text: str) -> complex | str:
    """Complex numbers, and the floats beside them, were written by `str`; any other text is an input of its own."""
    try:
        return complex(text) if text.endswith(("j", "j)")) and text != "j" else float(text)
    except ValueError:
        return text


def _form(value: Any) -> Form:
    if isinstance(value, dict):
        return Form(dict, _common(_form(item) for item in value.values()))
    if isinstance(value, CONTAINERS):
        return Form(type(value), _common(_form(item) for item in value))
    return Form(complex) if isinstance(value, NUMBERS) else Form()


def _common(forms: Iterable[Form]) -> Form:
    return reduce(_merge, forms, None) or Form()


def _merge(a: Form | None, b: Form | None) -> Form | None:
    """The form of values of which some are `a` and some are `b`: a container wins over its scalar neighbours, else they must agree."""
    if a is None or b is None:
        return a or b
    if a.kind is b.kind:
        return Form(a.kind, _merge(a.items, b.items))
    containers = [form for form in (a, b) if form.kind in CONTAINERS]
    return containers[0] if len(containers) == 1 else Form()

"""Chat templates as transformers renders them, without transformers: the Jinja dialect of `apply_chat_template`.

The environment is the sandboxed one with the same block trimming, filters and globals, so a checkpoint's template renders to the same
text (proven by test against transformers). Two differences, both on purpose: `strftime_now` tells a fixed date, because a reward that
changes with the day cannot be compared; and `{% generation %}` only prints what it encloses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NoReturn

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from code_reward.errors import ConfigurationError

Message = Mapping[str, str]


class ChatTemplate:
    """A compiled chat template.

    Args:
        source (`str`): Jinja text.
        special_tokens (`Mapping[str, str]`): What the template knows by name: `bos_token`, `eos_token`, ….
        today (`date`): What `strftime_now` tells.
    """

    def __init__(self, source: str, special_tokens: Mapping[str, str], today: date) -> None:
        self._special_tokens = dict(special_tokens)
        environment = _environment(today)
        try:
            self._template = environment.from_string(source)
            tree = environment.parse(source)
        except TemplateError as error:
            raise ConfigurationError(f"The chat template is not valid Jinja ({error}); correct it or leave it out.") from error
        texts = [node.data for node in tree.find_all(nodes.TemplateData)] + [
            text for node in tree.find_all(nodes.Const) for text in _text(node)
        ]
        self.literals = "\n".join(texts)
        """Every text that the template may write."""
        self.probes = frozenset(text for text in _probes(tree) if not text.isspace() and not text.isidentifier())
        """What the template looks for in a message, e.g. `</think>` where it splits reasoning off."""

    def render(self, messages: Sequence[Message]) -> str:
        """The text of a conversation, without a generation prompt."""
        try:
            return self._template.render(messages=messages, tools=None, documents=None, add_generation_prompt=False, **self._special_tokens)
        except TemplateError as error:
            raise ConfigurationError(f"The chat template refuses the conversation ({error}); use another template.") from error


class _Generation(Extension):
    """`{% generation %}…{% endgeneration %}`, which trainers use to find the assistant's tokens: here the enclosed text alone."""

    tags = {"generation"}  # noqa: RUF012 (jinja2 declares it so)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _probes(tree: nodes.Template) -> Iterator[str]:
    """The constants left of an `in`, and those given to a method (`split`, `startswith`, …)."""
    for comparison in tree.find_all(nodes.Compare):
        if any(operand.op in ("in", "notin") for operand in comparison.ops):
            yield from _text(comparison.expr)
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr):
            yield from (text for argument in call.args for text in _text(argument))


def _text(node: nodes.Node) -> list[str]:
    return [node.value] if isinstance(node, nodes.Const) and isinstance(node.value, str) else []


def _environment(today: date) -> Environment:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = datetime.combine(today, time()).strftime
    return environment


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: tuple[str, str] | None = None, sort_keys: bool = False
) -> str:
    """Jinja's own filter escapes HTML; chat templates expect plain JSON."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)

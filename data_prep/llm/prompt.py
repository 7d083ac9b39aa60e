"""`Prompt`: a template file and its version, which stands in every record that came of it.

Templates are jinja files under `prompts/`. What is put into one is never read as a template itself, so programs with braces are safe, and
`fenced` puts a text between fences that are longer than any fence in it.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

import jinja2

from code_reward.errors import ConfigurationError
from data_prep.llm.request import Request, Sampling

FOLDER = Path(__file__).parent / "prompts"
_TICKS = re.compile(r"`{3,}")


class Prompt:
    """A prompt by name.

    Args:
        name (`str`): The file's name without `.jinja`.
    """

    def __init__(self, name: str) -> None:
        path = FOLDER / f"{name}.jinja"
        if not path.is_file():
            raise ConfigurationError(f"There is no prompt template {path}; write it or choose another name.")
        text = path.read_text(encoding="utf-8")
        self.version = f"{name}@{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        self._template = _environment().from_string(text)

    def request(self, role: str, sampling: Sampling, **values: object) -> Request:
        """The request that this prompt makes of `values`; a value that the template needs and does not get is an error."""
        try:
            prompt = self._template.render(values)
        except jinja2.TemplateError as error:
            raise ConfigurationError(f"The prompt template {self.version} cannot be filled ({error}); correct it.") from error
        return Request.model_validate({"role": role, "prompt": prompt, "template": self.version, "sampling": sampling})


@cache
def prompt(name: str) -> Prompt:
    """One of our own prompts."""
    return Prompt(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["fenced"] = fenced
    return environment


def fenced(text: str, tag: str = "") -> str:
    """`text` as a markdown code block that `text` itself cannot close."""
    fence = "`" * max(3, *(len(run) + 1 for run in _TICKS.findall(text)), 3)
    return f"{fence}{tag}\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}"

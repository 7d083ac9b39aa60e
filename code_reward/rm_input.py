"""How a problem and an answer become the reward model's token ids: one function for training, serving and clients.

A reward model's score is only as good as its input is the same everywhere: the part of the answer that it sees, the chat template, what
is cut when it is too long, the token that is scored. These settings travel with a checkpoint as `code_reward.json`. Token ids leave here
complete; nobody adds, cuts or pads-and-scores anything afterwards.

The ids are those of transformers' `apply_chat_template` for every text without control tokens. A text that holds one (`<|im_end|>` in a
statement, `</think>` in a program) is encoded as the letters that it is: a policy must not end its own turn in the reward model's input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from tokenizers import Tokenizer

from code_reward.chat_template import ChatTemplate
from code_reward.checkpoint_tokenizer import read_tokenizer
from code_reward.control_tokens import ControlTokens
from code_reward.errors import ConfigurationError
from code_reward.extraction import Policy, extract_code, without_blank_ends
from code_reward.files import write_text
from code_reward.folders import require_folder
from code_reward.plugins import Catalogue
from code_reward.themis import FUNCTIONAL_CORRECTNESS
from code_reward.turns import final_answer
from code_reward.validity import FEATURE_VERSION
from code_reward.verdict import Rejected

FILE: Final = "code_reward.json"
CUT_MARK: Final = "\n[...]\n"
MIN_STATEMENT_TOKENS: Final = 32
"""Of a statement that must be cut; a program that leaves less room is rejected, for nobody can judge it without its problem."""

_SURROGATES = re.compile("[\ud800-\udfff]")


class RMInputSettings(BaseModel):
    """Everything that decides the reward model's input; the contents of `code_reward.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    part: Literal["code", "answer"] = "code"
    """What of the answer the reward model reads: the bare extracted program, or all that follows the reasoning."""
    extraction: Policy = "last"
    """Which block of an answer is the program (see `extract_code`); an answer without one is rejected whatever `part` is."""
    max_tokens: int = Field(default=4096, ge=64)
    """Longest input. The statement is cut to fit, never the answer."""
    system: str | None = None
    """A system message before the statement."""
    chat_template: str | None = None
    """Jinja text; None takes the tokenizer's own."""
    ends_with: Literal["template", "end_of_turn", "eos"] = "end_of_turn"
    """Which token is last, and therefore scored: whatever the template writes last (often a newline); the token that ends the assistant's
    turn, without white space after it; or the tokenizer's `eos_token`, appended where it is not last already."""
    today: date = date(2025, 1, 1)
    """What a template that asks for the date is told, so that a score does not depend on the day."""
    feature_version: tuple[int, int] = FEATURE_VERSION
    """The Python grammar that programs must parse with."""

    @field_validator("feature_version")
    @classmethod
    def _is_ours(cls, value: tuple[int, int]) -> tuple[int, int]:
        if value != FEATURE_VERSION:
            raise ValueError(
                f"this version of code-reward reads Python {FEATURE_VERSION}, not {value}; install the version it was made with"
            )
        return value


PRESETS: Final = Catalogue(
    "rm_input",
    RMInputSettings,
    {
        "default": RMInputSettings(),
        # CodeScaler's RL worker: the only block, bare code, 4096 tokens, the template as it is.
        "codescaler": RMInputSettings(extraction="strict", ends_with="template"),
        # CodeRM-NT: what follows </think>, 2048 tokens. It cuts the answer on the right; here the statement is cut instead.
        "coderm-nt": RMInputSettings(part="answer", max_tokens=2048, ends_with="template"),
        "skywork": RMInputSettings(part="answer", max_tokens=16384, ends_with="template"),
        # Themis: the answer under the system prompt of its criterion, 4096 tokens.
        "themis": RMInputSettings(part="answer", ends_with="template", system=FUNCTIONAL_CORRECTNESS),
        # Any chat reward model: the answer as it stands, the template as it is.
        "generic": RMInputSettings(part="answer", ends_with="template"),
    },
)
"""Settings by name, plugins' included: `PRESETS.get("default")`."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A reward model's input: `ids`, of which the last is scored, and how many tokens of the statement were cut.

    `closed` and `one_block` are those of the answer's `Extraction`, for who needs them beside the score.
    """

    ids: list[int]
    cut: int
    closed: bool = True
    one_block: bool = True


class RMInput:
    """Settings and tokenizer of one reward model. Deterministic; safe to use from several threads.

    Example:
        >>> rm_input = RMInput.load("checkpoint")
        >>> rm_input.build("Add two numbers.", "```python\\ndef add(a, b):\\n    return a + b\\n```", "add")
        Encoded(ids=[...], cut=0)
    """

    def __init__(self, settings: RMInputSettings, tokenizer: Tokenizer, chat_template: str, special_tokens: Mapping[str, str]) -> None:
        self.settings = settings
        self._tokenizer = tokenizer
        self._template = ChatTemplate(chat_template, special_tokens, settings.today)
        self._eos = tokenizer.token_to_id(special_tokens["eos_token"]) if "eos_token" in special_tokens else None
        if settings.ends_with == "eos" and self._eos is None:
            raise ConfigurationError("ends_with is 'eos', but the tokenizer has no eos_token; name one in tokenizer_config.json.")
        self._control = ControlTokens.of(tokenizer, self._template)

    @classmethod
    def load(cls, folder: str | Path, settings: RMInputSettings | None = None) -> RMInput:
        """Read a checkpoint folder: `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` if there is one, `code_reward.json`.

        Args:
            folder (`str` or `Path`): The checkpoint; its weights are not needed.
            settings (`RMInputSettings`, *optional*): Used instead of `code_reward.json`, for a model that is not a reward model yet.

        Raises `ConfigurationError` for anything missing or unreadable.
        """
        folder = Path(folder)
        require_folder(folder, "a reward model")
        settings = settings or _read_settings(folder / FILE)
        tokenizer, own_template, special_tokens = read_tokenizer(folder)
        template = settings.chat_template or own_template
        if template is None:
            raise ConfigurationError(f"{folder} has no chat template; set chat_template in {FILE}.")
        return cls(settings, tokenizer, template, special_tokens)

    def save(self, folder: str | Path) -> None:
        """Write `code_reward.json` into a checkpoint folder."""
        write_text(Path(folder) / FILE, self.settings.model_dump_json(indent=2) + "\n")

    def build(self, statement: str, response: str, entry_point: str | None = None) -> Encoded | Rejected:
        """The input for a policy's answer, or why the answer is rejected (a reason of `extract_code`, or `input_too_long`)."""
        extraction = extract_code(response, self.settings.extraction, entry_point)
        if extraction.code is None:
            return Rejected(str(extraction.reason))
        encoded = self.encode(statement, extraction.code if self.settings.part == "code" else final_answer(response))
        if isinstance(encoded, Rejected):
            return encoded
        return replace(encoded, closed=extraction.closed, one_block=extraction.one_block)

    def encode(self, statement: str, answer: str) -> Encoded | Rejected:
        """The input for what is already the part that the reward model reads: a bare program, or an answer without reasoning.

        Blank lines at the ends of the answer are dropped, as in an extracted program.
        Where it is over `max_tokens` the middle of the statement is left out: its beginning says what to do and its end names the
        signature, the format and the limits. An answer that leaves no room for a statement is rejected as `input_too_long`.
        """
        statement, answer = _SURROGATES.sub("\ufffd", statement), _SURROGATES.sub("\ufffd", without_blank_ends(answer))
        ids = self._ids(statement, answer)
        limit = self.settings.max_tokens
        if len(ids) <= limit:
            return Encoded(ids, 0)
        offsets = self._offsets(statement)
        keep = len(offsets) - (len(ids) - limit)
        while keep >= min(MIN_STATEMENT_TOKENS, len(offsets)):
            ids = self._ids(_without_middle(statement, offsets, keep), answer)
            if len(ids) <= limit:
                return Encoded(ids, len(offsets) - keep)
            keep -= len(ids) - limit
        return Rejected("input_too_long")

    def _ids(self, statement: str, answer: str) -> list[int]:
        asked, answered = self._control.split(statement), self._control.split(answer)
        mark = _unused_character(statement, answer, self._template.literals) if len(asked) + len(answered) > 2 else ""
        messages = [{"role": "system", "content": self.settings.system}] if self.settings.system is not None else []
        messages += [{"role": "user", "content": mark.join(asked)}, {"role": "assistant", "content": mark.join(answered)}]
        text = self._template.render(messages)
        if self.settings.ends_with == "end_of_turn" and self._control.end(text.rstrip()):
            text = text.rstrip()
        ids: list[int] = []
        for piece in text.split(mark) if mark else [text]:
            ids += self._tokenizer.encode(piece, add_special_tokens=False).ids
        if self.settings.ends_with == "eos" and self._eos is not None and ids[-1:] != [self._eos]:
            ids.append(self._eos)
        return ids

    def _offsets(self, statement: str) -> list[tuple[int, int]]:
        """Where the tokens of a statement begin and end, in characters."""
        offsets: list[tuple[int, int]] = []
        start = 0
        for piece in self._control.split(statement):
            offsets += [(start + begin, start + end) for begin, end in self._tokenizer.encode(piece, add_special_tokens=False).offsets]
            start += len(piece)
        return offsets


def _unused_character(*texts: str) -> str:
    """A character for private use (or beyond) that none of the texts contains: it goes through the template and comes out again."""
    used = set().union(*texts)
    return next(character for character in map(chr, range(0xE000, 0x110000)) if character not in used)


def _without_middle(statement: str, offsets: list[tuple[int, int]], keep: int) -> str:
    """The first and last tokens of a statement, `keep` in all; `offsets` are the characters of each token."""
    head, tail = (keep + 1) // 2, keep // 2
    end = statement[offsets[-tail][0] :] if tail else ""
    return (statement[: offsets[head - 1][1]] if head else "") + CUT_MARK + end


def _read_settings(path: Path) -> RMInputSettings:
    if not path.is_file():
        raise ConfigurationError(
            f"{path} does not exist; this is not a reward model of code-reward (python -m rm_train.adopt makes it one)."
        )
    try:
        return RMInputSettings.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigurationError(f"{path}: {where}: {first['msg']}; correct it.") from error

"""From a policy's turn to its answer: without the reasoning before it and the control tokens after it, of whichever family of models.

Reasoning ends at the last mark such as `</think>` that is markup. A program about such texts holds the mark in a string or a comment, and
an explanation names it between quotes: neither ends anything. So a mark between two quotes is skipped, and one in a closed block (or in a
text that is a program as a whole) whose Python parses, which it would not with a mark outside of strings and comments. Each block is parsed
once, from the last backwards, within the length that an answer may have: the cost stays linear.
"""

from __future__ import annotations

import re
from bisect import bisect
from textwrap import dedent
from typing import Final

from code_reward.fences import Fence
from code_reward.validity import check_program

MAX_ANSWER_CHARACTERS: Final = 256 * 1024
"""Of an answer after its reasoning. Four times the longest program."""

_WINDOW: Final = 2 * MAX_ANSWER_CHARACTERS
_REASONING_ENDS: Final = (
    *("</think>", "</thought>", "</seed:think>", "[/THINK]", "◁/think▷"),
    *("<|channel|>final<|message|>", "[BEGIN FINAL RESPONSE]"),
)
_REASONING_END = re.compile("|".join(map(re.escape, _REASONING_ENDS)))
_REASONING_BEGIN = re.compile(r"^[ \t]*(?:<(?:seed:)?think>|<thought>|\[THINK\]|◁think▷|<\|channel\|>analysis<\|message\|>)", re.MULTILINE)
_FENCE_LINE = re.compile(r"(?:\A|(?<=[\r\n]))[ \t>]*(?:`{3,}|~{3,})(?P<info>[^\r\n]*)")
_OPENING = re.compile(r"(?:`{3,}|~{3,})[\w+#.{}-]*[ \t]*[\r\n]")
_QUOTES: Final = "'\"`"

_LONGEST_TOKEN: Final = 44
_CONTROL_TOKEN = re.compile(r"<[|｜][^<>|｜\s]+[|｜]>")
# Not the token of `<|channel|>analysis`, which says what follows.
_BEGINNING = re.compile(rf"(?:{_CONTROL_TOKEN.pattern}(?=[`~\r\n<])|[\r\n\ufeff])*")
_END_TOKENS: Final = (
    *("</s>", "<eos>", "<end_of_turn>", "<turn|>", "<pad>", "[/INST]", "[END FINAL RESPONSE]"),
    *("<seed:eos>", "[|endofturn|]", "[e~[", "<SPECIAL_12>"),
)
"""Beside all that look like `<|im_end|>`."""


def final_answer(response: str) -> str:
    """What follows the reasoning, without control tokens and blank lines before it, and without chat end tokens and white space after it.

    An answer of more than twice `MAX_ANSWER_CHARACTERS` is given as it is.
    """
    begin = _after_last_mark(response)
    end = len(response)
    if end - begin > _WINDOW:
        return response[begin:]
    end = _before_end_tokens(response)
    begin = _end_of_reasoning(response, end)
    begun = _BEGINNING.match(response, begin, end)
    return response[begun.end() if begun else begin : end]


def thinks_on(text: str, fences: list[Fence]) -> bool:
    """Whether a line outside of every fence opens reasoning, which nothing closes: the text begins after the last mark that does."""
    starts = [fence.start for fence in fences]
    for match in _REASONING_BEGIN.finditer(text):
        before = bisect(starts, match.start())
        if before == 0 or fences[before - 1].end <= match.start():
            return True
    return False


def _after_last_mark(response: str) -> int:
    return max((place + len(mark) for mark in _REASONING_ENDS if (place := response.rfind(mark)) >= 0), default=0)


def _end_of_reasoning(response: str, end: int) -> int:
    """The place after the last mark before `end` that is markup; 0 if there is none."""
    start = max(0, end - _WINDOW)
    marks = list(_REASONING_END.finditer(response, start, end))
    if not marks:
        return _after_last_mark(response[:end])
    lines = list(_FENCE_LINE.finditer(response, start, end))
    starts = [line.start() for line in lines]
    program_begin = end
    for mark in reversed(marks):
        place = bisect(starts, mark.start())
        opening, closing = lines[place - 1] if place else None, lines[place] if place < len(lines) else None
        begin = opening.end() if opening else start
        follows_fence = mark.start() < begin  # It closes a block of the reasoning; the answer may open one on the same line.
        if mark.start() >= program_begin or (_is_quoted(response, mark) and not (follows_fence and _OPENING.match(response, mark.end()))):
            continue
        if follows_fence:
            return mark.end()
        if (closing and closing["info"].strip()) or not _is_program(response[begin : closing.start() if closing else end]):
            return mark.end()
        program_begin = begin
    return _after_last_mark(response[:start])


def _is_quoted(response: str, mark: re.Match[str]) -> bool:
    before, after = response[max(0, mark.start() - 1) : mark.start()], response[mark.end() : mark.end() + 1]
    return before != "" and before == after and before in _QUOTES


def _is_program(text: str) -> bool:
    return check_program(dedent(text.replace("\r\n", "\n").replace("\r", "\n"))) is None


def _before_end_tokens(response: str) -> int:
    """The end of the text before the control tokens and the white space at its end."""
    end = len(response)
    while True:
        while end > 0 and response[end - 1].isspace():
            end -= 1
        token = _token_before(response, end)
        if token == 0:
            return end
        end -= token


def _token_before(response: str, end: int) -> int:
    """The length of the control token that ends at `end`; 0 if there is none. What ends reasoning is none."""
    known = next((token for token in _END_TOKENS if response.endswith(token, 0, end)), None)
    if known is not None:
        return len(known)
    if not response.endswith(("|>", "｜>"), 0, end):
        return 0
    place = response.rfind("<", max(0, end - _LONGEST_TOKEN), end)
    is_token = place >= 0 and _CONTROL_TOKEN.fullmatch(response, place, end) is not None
    return end - place if is_token and not response.endswith(_REASONING_ENDS, 0, end) else 0

"""Reading a judge's reply.

Only the form that was asked for is read, and only at the reply's end: a judge that quotes the prompt, argues about numbers, scores outside
the scale or forgets to score has said nothing, and is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from code_reward.errors import JudgeError
from data_prep.judges.judgement import Vote

_SCORE = re.compile(r"[Ss]core\W{0,6}?:\W{0,6}?([+-]?\d+(?:\.\d+)?)")
_LAST_LINES = re.compile(
    r"(?:\A|\n)[ \t>*_#-]*Correctness[ \t*_]*:[ \t*_]*(?P<correctness>[0-5])(?:[ \t]*/[ \t]*5)?[ \t*_.]*\n\s*"
    r"[ \t>*_#-]*Style[ \t*_]*:[ \t*_]*(?P<style>[0-5])(?:[ \t]*/[ \t]*5)?[ \t*_.`]*\Z"
)
_WORDS = 4000

Reader = Callable[[str], Vote]


def read_apart(reply: str) -> Vote:
    """A reply to the template `judge`, which asks for two last lines. Raises `JudgeError` (kind `unparsable`)."""
    text = _answer(reply)
    found = _LAST_LINES.search(text)
    if found is None:
        raise JudgeError(f"The judge's reply does not end with its two scores: {text[-120:]!r}; ask again.", kind="unparsable")
    words = text[: found.start()].strip()
    return Vote(correctness=int(found["correctness"]) / 5, style=int(found["style"]) / 5, words=words[-_WORDS:])


def read_published(reply: str) -> Vote:
    """A reply to the template `judge_published`: the last `Score:` with a number from 0 to 5 (CodeRM-NT). Raises `JudgeError`."""
    found = _SCORE.findall(_answer(reply))
    if not found or not 0 <= float(found[-1]) <= 5:
        raise JudgeError(f"The judge's reply has no score from 0 to 5: {reply[-120:]!r}; ask again.", kind="unparsable")
    return Vote(correctness=float(found[-1]) / 5, words=reply.strip()[-_WORDS:])


def _answer(reply: str) -> str:
    """What follows a reasoning model's reasoning."""
    return reply.rpartition("</think>")[2].strip()

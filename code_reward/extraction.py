"""From a policy's answer to the program that is judged, or to the reason why there is none.

One function for training data, rewards and evaluation alike. The answer is what follows the reasoning, without chat end tokens (see
`turns`); the program stands in a fence (see `fences`) tagged python or with no language. A text that begins with a program and has a bare
fence after it, or no fence at all, is read as one block whose opening fence stood in the prompt (policies that are prefilled with
"```python").

Nothing here ever raises, and the cost is bounded and linear in the length, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from code_reward.fences import Fence, find_fences
from code_reward.names import borrowed_names, defined_names, does_something, has_unknown_names, mentions_entry_point
from code_reward.turns import MAX_ANSWER_CHARACTERS, final_answer, thinks_on
from code_reward.validity import ValidityReason, check_program, ends_inside_string, is_too_long

MAX_FENCES: Final = 1000

Policy = Literal["strict", "last", "longest"]
Reason = Literal["no_code", "several_blocks", "truncated", "answer_too_long"] | ValidityReason

REASONS: Final[dict[Reason, str]] = {
    "no_code": "the answer has no python or untagged block with anything in it",
    "several_blocks": "policy strict: more than one such block",
    "truncated": "a fence, or the reasoning, is opened and never closed",
    "answer_too_long": f"the answer after its reasoning has more than {MAX_ANSWER_CHARACTERS} characters or {MAX_FENCES} fences",
    "program_too_long": "the program has more than 64 KB of UTF-8 or 25,000 tokens; decided before parsing",
    "does_not_parse": "the program is not Python of the feature version",
    "entry_point_missing": "the program parses but does not define what the tests call",
    "trivial": "the program, or its entry point, is only comments, docstring, `pass`, `...` or `raise NotImplementedError`",
}
"""Every reason for an extraction without code, and what it means."""

# `python`, `py3`, `Python 3.11`, `pypy3`, `{.python}`, and a file's name; not `python-repl`, `pycon`, `ipython`.
_PYTHON = re.compile(r"\{?[ \t]*\.?(?:(?:python|pypy|py)(?:[ \t-]?[0-9][0-9.]*)?(?![\w+#-])|[\w./-]+\.py\b)", re.IGNORECASE)
_NAMELESS = frozenset({"", "code", "solution", "answer", "program"})
"""Tags that name no language."""
_SESSION = re.compile(r"\s*(?:>>>|\$ |In \[[0-9]*\]:)")


@dataclass(frozen=True, slots=True)
class Extraction:
    """Either `code` or the `reason` why there is none.

    `closed` is False for a program that stands bare, to the end of the text: where a generation was cut off it may be a part only.
    `attempt` is False where nothing in the text was meant to be the answer: there is no block, or only such as show use, tests or output.
    `one_block` is True for the program of an answer that has no other block: what the policy `strict` takes, too.
    """

    code: str | None
    reason: Reason | None = None
    closed: bool = True
    attempt: bool = True
    one_block: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    code: str
    tagged: bool
    closed: bool
    bare: bool = False


def extract_code(response: str, policy: Policy = "last", entry_point: str | None = None) -> Extraction:
    """The program of an answer.

    Which block counts:

    - `strict` (CodeScaler): there is exactly one, and it is closed by a fence.
    - `last`: the last one that is an *attempt*. A block after the solution that shows its use, its tests or its output is none: it
      does not define the entry point, or it uses or imports what an earlier block defines. Without an entry point it is none either if
      it is trivial, a session, untagged and not Python, or, beside a block that could stand alone, one that could not: it neither
      writes nor defines anything (`sys.stdin = …`), or is untagged and uses unknown names (`O(n)`). A block that tries and fails (is
      cut off, does not parse, is a stub) is the answer and is rejected: an earlier draft does not stand in for it, so that a broken
      last word never pays.
    - `longest`: the longest of the valid ones that does not use another, wherever it is; the most lenient.

    Blocks are never joined: a program that takes its helpers from a block of their own is none.

    Args:
        response (`str`): What the policy generated, reasoning included.
        policy (`"strict"`, `"last"` or `"longest"`, *optional*, defaults to `"last"`): Which of several blocks is the answer.
        entry_point (`str`, *optional*): What the program must define: `f`, or `Solution().f`; None for a program that reads stdin.
    """
    entry_point = entry_point or None
    answer = final_answer(response)
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return Extraction(None, "answer_too_long")
    text = answer.replace("\r\n", "\n").replace("\r", "\n")
    fences = find_fences(text)
    if len(fences) > MAX_FENCES:
        return Extraction(None, "answer_too_long")
    if thinks_on(text, fences):
        return Extraction(None, "truncated")
    blocks = list(_blocks(text, fences, entry_point))
    if policy == "strict":
        return _only(blocks, entry_point)
    return _choose(blocks, policy, entry_point)


def without_blank_ends(text: str) -> str:
    """The text without blank lines at its ends and white space after it: how programs are written in the reward model's input."""
    end = len(text.rstrip(" \t\n"))
    begin = text.rfind("\n", 0, end - len(text[:end].lstrip(" \t\n"))) + 1
    return text[begin:end]


def _blocks(text: str, fences: list[Fence], entry_point: str | None) -> Iterator[_Block]:
    """The blocks that may hold the program, from first to last."""
    lead = without_blank_ends(text[: fences[0].start] if fences else text)
    if not fences:
        if check_program(lead) is None or (entry_point is not None and mentions_entry_point(lead, entry_point)):
            yield _Block(lead, tagged=True, closed=False, bare=True)
    elif not fences[0].info and check_program(lead) is None:
        yield _Block(lead, tagged=True, closed=True)
        fences = find_fences(text[text.find("\n", fences[0].start) + 1 :])
    for fence in fences:
        code = without_blank_ends(fence.content)
        tagged = _PYTHON.match(fence.info) is not None
        if code and (tagged or fence.info.lower() in _NAMELESS) and not _SESSION.match(code):
            yield _Block(code, tagged, fence.closed)


def _only(blocks: list[_Block], entry_point: str | None) -> Extraction:
    if len(blocks) > 1:
        return Extraction(None, "several_blocks")
    if not blocks or blocks[0].bare:
        return Extraction(None, "no_code", attempt=False)
    reason = _judge(blocks[0], entry_point)
    return Extraction(blocks[0].code if reason is None else None, reason, one_block=reason is None)


def _choose(blocks: list[_Block], policy: Policy, entry_point: str | None) -> Extraction:
    """The first valid block in the order of the policy that does not show the use of another."""
    order = list(reversed(range(len(blocks))))
    if policy == "longest":
        order.sort(key=lambda number: -len(blocks[number].code))
    first_to_define = {name: number for number in reversed(range(len(blocks))) for name in defined_names(blocks[number].code)}
    judge = cache(lambda number: _judge(blocks[number], entry_point))
    alone = cache(lambda number: judge(number) is None and _stands_alone(blocks[number]))
    failures: list[Reason] = []
    for number in order:
        block = blocks[number]
        reason = judge(number)
        if reason is not None:
            failures.append(reason)
            if policy == "last" and _is_attempt(block, reason, entry_point):
                return Extraction(None, reason)
        elif number and any(first_to_define.get(name, number) < number for name in borrowed_names(block.code)):
            continue
        elif entry_point is not None or len(blocks) == 1 or alone(number) or not any(map(alone, range(len(blocks)))):
            return _accept(blocks, number)
    return Extraction(None, failures[0] if failures else "no_code", attempt=False)


def _stands_alone(block: _Block) -> bool:
    return does_something(block.code) and (block.tagged or not has_unknown_names(block.code))


def _accept(blocks: list[_Block], number: int) -> Extraction:
    """Take a block, unless a fence-like line inside a string of an earlier one has cut that one and everything after it wrongly."""
    if any(not is_too_long(earlier.code) and ends_inside_string(earlier.code) for earlier in blocks[:number]):
        return Extraction(None, "does_not_parse")
    block = blocks[number]
    return Extraction(block.code, closed=block.closed, one_block=len(blocks) == 1 and not block.bare)


def _judge(block: _Block, entry_point: str | None) -> Reason | None:
    if not block.closed and not block.bare:
        return "truncated"
    return check_program(block.code, entry_point)


def _is_attempt(block: _Block, reason: Reason, entry_point: str | None) -> bool:
    """Whether a block that failed for `reason` was meant to be the answer."""
    if entry_point is not None:
        return reason == "trivial" or (reason != "entry_point_missing" and mentions_entry_point(block.code, entry_point))
    return reason == "truncated" or (reason != "trivial" and block.tagged)

"""What counts as the program of an answer, and that no text whatever can raise, stall or swell."""

import ast
import gzip
import json
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from code_reward.extraction import MAX_FENCES, REASONS, Extraction, Policy, Reason, extract_code
from code_reward.turns import MAX_ANSWER_CHARACTERS, final_answer
from code_reward.validity import MAX_PROGRAM_BYTES, MAX_TOKENS, check_program

ROOT = Path(__file__).parents[2]
ADD = "def add(a, b):\n    return a + b"
USE = "print(add(1, 2))"
TESTS = "from solution import add\n\ndef test_add_of_small_numbers():\n    assert add(1, 2) == 3\n    assert add(0, 0) == 0"


def fenced(code: str, info: str = "python", marks: str = "```") -> str:
    return f"{marks}{info}\n{code}\n{marks}\n"


def code_of(response: str, policy: Policy = "last", entry_point: str | None = "add") -> str:
    extraction = extract_code(response, policy, entry_point)
    assert extraction.reason is None
    assert extraction.code is not None
    return extraction.code


def reason_of(response: str, policy: Policy = "last", entry_point: str | None = "add") -> Reason:
    extraction = extract_code(response, policy, entry_point)
    assert extraction.code is None
    assert extraction.reason is not None
    return extraction.reason


# The answer


def test_an_ordinary_answer():
    assert extract_code(f"Here it is:\n\n{fenced(ADD)}\nIt adds.", entry_point="add") == Extraction(ADD, None, closed=True, one_block=True)


@pytest.mark.parametrize("policy", get_args(Policy))
def test_reasoning_is_dropped_up_to_its_last_end(policy):
    draft = fenced("def add(a, b):\n    return a - b")
    assert code_of(f"<think>{draft}</think>\n{fenced(ADD)}", policy) == ADD
    assert code_of(f"{draft}</think> wait, {draft}</think>\n{fenced(ADD)}", policy) == ADD
    assert reason_of(f"<think>{fenced(ADD)}</think>", policy) == "no_code"


@pytest.mark.parametrize(
    "response",
    [
        "<think>\n" + fenced(ADD),
        f"Well.\n<think>\n{fenced(ADD)}",
        f"<think>a</think>{fenced(ADD)}<think>hm",
        "<think>\n" + fenced("TEXT.split('</think>')"),
        f"[THINK]\n{fenced(ADD)}",
        f"<|channel|>analysis<|message|>{fenced(ADD)}",
    ],
)
def test_reasoning_without_an_end_is_truncated(response):
    assert reason_of(response) == "truncated"


def test_a_program_may_mention_reasoning():
    code = f'TAG = """\n<think>\n"""\n{ADD}'
    assert code_of(fenced(code)) == code


SPLITS = "def add(a, b):\n    return a.split('</think>')[-1] + b"
IN_COMMENT = "import re\n\ndef add(a, b):\n    # drop <think> ... </think>\n    return re.sub(r'(?s)<think>.*?</think>', '', a)"
ALONE = 'TEXT = """\n</think>\n"""\n' + ADD


@pytest.mark.parametrize("code", [SPLITS, IN_COMMENT, ALONE, SPLITS.replace("</think>", "[/THINK]")])
@pytest.mark.parametrize(
    "reasoning", ["", "<think>\nSplit at '</think>'.\n</think>\n\n", "Easy.\n</think>\n", f"{fenced('x = (')}so\n</think>", "```\n</think>"]
)
@pytest.mark.parametrize("after", ["", "It keeps what follows `</think>`.", "<|im_end|>"])
def test_the_end_of_reasoning_in_a_program_or_between_quotes_ends_nothing(code, reasoning, after):
    assert code_of(f"{reasoning}Here:\n{fenced(code)}{after}") == code
    assert code_of(f"{reasoning}Here:\n{fenced(code)}{after}", "strict") == code


def test_a_bare_or_prefilled_program_may_name_the_end_of_reasoning():
    for text in (SPLITS, f"{SPLITS}\n```\nIt splits.", f"{SPLITS}<|im_end|>"):
        assert code_of(text) == SPLITS


@pytest.mark.parametrize(
    "end",
    [
        *("</think>", "</thought>", "</seed:think>", "[/THINK]", "◁/think▷"),
        *("<|end|><|start|>assistant<|channel|>final<|message|>", "[BEGIN FINAL RESPONSE]"),
    ],
)
def test_drafts_before_the_end_of_reasoning_are_no_answer(end):
    draft = fenced(SPLITS)
    assert code_of(f"Hm.\n{draft}\n{end}\n\n{fenced(ADD)}") == ADD
    assert reason_of(f"Hm.\n{draft}\n{end}\nI give up.") == "no_code"
    assert code_of(f"Hm.\n```python\ndef add(a, b):\n{end}\n{fenced(ADD)}") == ADD
    assert code_of(f"Hm.\n```python\nx = 1  # {end}\n{fenced(ADD)}") == ADD


@pytest.mark.parametrize(
    "end",
    [
        "<|im_end|>",
        "<|endoftext|>",
        "<|user|>",
        "<|observation|>",
        "<|eot_id|>",
        "</s>",
        "<|im_end|>\n<|endoftext|> \n",
        "<｜end▁of▁sentence｜>",
        "<end_of_turn>",
        "<eos>",
        "<|return|>",
        "<|end|>",
        "<|END_OF_TURN_TOKEN|>",
        "[/INST]",
        "[END FINAL RESPONSE]\n<|end|>",
        "<seed:eos>",
        "[|endofturn|]",
        "[e~[",
        "<SPECIAL_12>",
    ],
)
def test_chat_end_tokens_are_not_part_of_the_answer(end):
    assert code_of(fenced(ADD).rstrip() + end) == ADD
    assert final_answer(f"<think>x</think>\n\nfour{end}") == "four"


@pytest.mark.parametrize("end", ["</think>", "<|end|><|start|>assistant<|channel|>final<|message|>", "[BEGIN FINAL RESPONSE]"])
def test_the_mark_may_follow_the_fence_that_closes_a_draft(end):
    for draft in ("```python\nsplit(\n```", "So:\n```python\nx = 1\n```", "~~~\nx\n~~~~ "):
        assert code_of(f"Hm.\n{draft}{end}{fenced(ADD)}") == ADD
        assert reason_of(f"Hm.\n{draft}{end}I give up.") == "no_code"


@pytest.mark.parametrize("before", ["\ufeff", "<|begin_of_box|>", "\n<|assistant|>\n", "<think></think>\n<|begin_of_box|>\r\n"])
def test_control_tokens_before_the_answer_are_not_part_of_it(before):
    assert code_of(f"{before}{fenced(ADD).strip()}<|end_of_box|>") == ADD


def test_a_token_that_opens_reasoning_stays_and_is_seen():
    assert reason_of(f"<|channel|>analysis<|message|>Hm.\n{fenced(ADD)}") == "truncated"
    assert reason_of(f"<thought>\nHm.\n{fenced(ADD)}") == "truncated"


def test_an_end_token_inside_the_answer_stays():
    for text in ("the token <|im_end|> ends a turn", "a <|b c|>", "|>", "<" + "|" * 99 + ">", "if a <| b |> c"):
        assert final_answer(text) == text


# Fences


@pytest.mark.parametrize(
    "info",
    [
        "",
        "python",
        "Python",
        "py",
        "PY",
        "python3",
        "py3",
        "python3.11",
        "{.python}",
        "{python}",
        "python title=x",
        " python ",
        "python:add.py",
        "pypy3",
        "python-3",
        "Python 3",
        "add.py",
        "code",
        "Solution",
    ],
)
def test_python_and_untagged_fences_count(info):
    assert code_of(fenced(ADD, info)) == ADD


@pytest.mark.parametrize("info", ["pycon", "python-repl", "pytb", "pyx", "text", "bash", "cpp", "json", "ipython", "{.bash}", "py++"])
def test_other_languages_do_not_count(info):
    assert reason_of(fenced(ADD, info)) == "no_code"
    assert code_of(fenced(ADD) + fenced("echo add", info)) == ADD


@pytest.mark.parametrize(
    "response",
    [
        fenced(ADD, marks="~~~"),
        fenced(ADD, marks="`````"),
        "````\n```python\n````\n" + fenced(ADD),
        "1. So:\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n",
        "> ```python\n> def add(a, b):\n>     return a + b\n> ```\n",
        "- a\n  - b\n    ```py\n    def add(a, b):\n        return a + b\n    ```",
        "<answer>\n" + fenced(ADD) + "</answer>",
        fenced(ADD).replace("\n", "\r\n"),
        fenced(ADD).replace("\n", "\r"),
        "text above\n" + fenced(ADD),
        fenced(f"\n\n{ADD}\n  \n\n"),
        fenced(ADD) + "\n```\n",
    ],
)
def test_a_program_is_found_wherever_commonmark_finds_it(response):
    assert code_of(response) == ADD


def test_the_indentation_of_a_program_is_kept():
    assert reason_of(fenced("    def add(a, b):\n        return a + b")) == "does_not_parse"
    assert code_of(fenced("if True:\n\tdef add(a):\n\t\treturn a")) == "if True:\n\tdef add(a):\n\t\treturn a"


@pytest.mark.parametrize("policy", get_args(Policy))
def test_a_fence_that_is_never_closed_is_truncated(policy):
    assert reason_of(f"```python\n{ADD}", policy) == "truncated"
    assert reason_of(f"````python\n{ADD}\n```", policy) == "truncated"
    assert reason_of(f"1. So:\n   ```python\n   x = 1\n{ADD}\n", policy, None) == "truncated"


def test_a_fence_inside_a_string_never_makes_a_wrong_program():
    cut = f'HELP = """\n```\nuse\n```python\nadd(1, 2)\n```\n"""\n{ADD}'
    for policy in get_args(Policy):
        for entry_point in (None, "add"):
            assert extract_code(fenced(cut), policy, entry_point).code is None
    assert reason_of(fenced(cut), "last", None) == "does_not_parse"
    for harmless in ('"""Text."""\nx = 1', "'''Text.'''\nx = ", '"""Text."""\n\0', "x = 'text'\ny ="):
        assert code_of(fenced(harmless, "") + fenced(ADD)) == ADD
    indented = 'def add(a, b):\n    """\n    ```\n    add(1, 2)\n    ```\n    """\n    return a + b'
    assert code_of(fenced(indented)) == indented
    assert code_of(fenced(cut, marks="````")) == cut


# Which block


def test_strict_wants_exactly_one_block():
    assert code_of(fenced(ADD) + fenced("add 1 2", "bash"), "strict") == ADD
    assert reason_of(fenced(ADD) + fenced(USE), "strict") == "several_blocks"
    assert reason_of("no", "strict") == "no_code"
    assert reason_of(ADD, "strict") == "no_code"


@pytest.mark.parametrize("after", [USE, "assert add(1, 2) == 3", "# Output: 3", ">>> add(1, 2)\n3", "add(1, 2)", TESTS])
def test_what_shows_the_use_of_a_solution_does_not_replace_it(after):
    assert code_of(fenced(ADD) + "Use:\n" + fenced(after)) == ADD
    assert code_of(fenced(ADD) + "Use:\n" + fenced(after), "longest") == ADD


@pytest.mark.parametrize(
    "output", ["3", "$ python add.py\n3", "1 + 2 = 3", "Traceback (most recent call last):\n  x", "[1, 2]", "add -> 3", ">>> 1\n1"]
)
def test_output_after_a_solution_does_not_replace_it(output):
    for entry_point in (None, "add"):
        assert code_of(fenced(ADD) + fenced(output, ""), "last", entry_point) == ADD


STDIN = "n = int(input())\nprint(sum(map(int, input().split())))"
ASIDES = ["O(n)", "O(n log n)", "dp[i] = dp[i - 1] + a[i]", "answer = prefix[r] - prefix[l]", "f(3) + f(2)", "assert 1 + 2 == 3"]
ASIDES = [fenced(text, "") for text in (*ASIDES, "print(total)")]
ASIDES += [fenced("import io, sys\nsys.stdin = io.StringIO('3\\n1 2 3\\n')" + "\nx = 1" * 9)]


@pytest.mark.parametrize("policy", ["last", "longest"])
@pytest.mark.parametrize("after", ASIDES)
def test_what_could_not_stand_alone_does_not_replace_what_could(after, policy):
    for program in (STDIN, ADD):
        assert code_of(f"{fenced(program)}Then:\n{after}", policy, None) == program
        assert code_of(f"{fenced(program, '')}Then:\n{after}", policy, None) == program
    assert extract_code(after, policy).code is not None or "log" in after, "where nothing else is there it is an answer like any other"


def test_a_last_program_that_uses_unknown_names_is_the_answer_if_it_says_that_it_is_one():
    broken = "print(undefined)"
    assert code_of(fenced(STDIN) + fenced(broken), "last", None) == broken


def test_whether_a_text_holds_an_attempt():
    attempts = [
        fenced(ADD),
        fenced("def add(a, b:"),
        f"```python\n{ADD}",
        fenced("def add(a, b):\n    ..."),
        f"{fenced(ADD)}\n{fenced(USE)}",
    ]
    assert all(extract_code(text, entry_point="add").attempt for text in attempts)
    assert not any(
        extract_code(text, entry_point="add").attempt for text in ["Done.", "", fenced(USE), fenced("3", ""), fenced("ls", "bash")]
    )
    assert not any(extract_code(text).attempt for text in ["Done.", fenced("3", "")])


def test_the_last_complete_attempt_counts():
    better = "def add(a, b):\n    return b + a"
    assert code_of(fenced(ADD) + fenced(better)) == better
    assert code_of(fenced(ADD) + fenced(better), "last", None) == better


@pytest.mark.parametrize(
    ("last_word", "reason"),
    [
        (fenced("def add(a, b):\n    return a +"), "does_not_parse"),
        (fenced("add = lambda a, b: a +"), "does_not_parse"),
        (fenced("def add(a, b):\n    ..."), "trivial"),
        ("```python\ndef add(a, b):\n    return b", "truncated"),
        (fenced("def add(a, b):\n    return '" + "x" * MAX_PROGRAM_BYTES + "'"), "program_too_long"),
    ],
)
def test_a_draft_does_not_stand_in_for_a_last_attempt_that_fails(last_word, reason):
    assert reason_of(fenced(ADD) + last_word) == reason
    if reason != "trivial":
        assert reason_of(fenced(ADD) + last_word, "last", None) == reason
    assert code_of(fenced(ADD) + last_word, "longest") == ADD


@pytest.mark.parametrize(
    "after", [USE, TESTS, "from add import add as plus\nprint(plus(1, 2))", "class Test:\n    def run(self):\n        return add(1, 2)"]
)
@pytest.mark.parametrize("policy", ["last", "longest"])
def test_without_an_entry_point_a_block_that_uses_another_does_not_replace_it(after, policy):
    assert code_of(fenced(ADD) + fenced(after), policy, None) == ADD


@pytest.mark.parametrize(
    "code",
    [
        "add = int(input())\nprint(add)",
        "from operator import add\nprint(add(1, 2))",
        "def main(add):\n    return add\nmain(1)",
        "print(sum([1, 2]))",
        f"{ADD}\n{USE}",
    ],
)
def test_a_program_may_bind_the_name_of_an_earlier_block_itself(code):
    assert code_of(fenced(ADD) + fenced(code), "last", None) == code


def test_a_program_that_takes_its_helper_from_another_block_is_none():
    assert reason_of(fenced("def plus(a, b):\n    return a + b") + fenced("def add(a, b):\n    return plus(a, b)")) == "entry_point_missing"


def test_an_import_is_the_solution_only_where_nothing_else_is():
    imported = "from operator import add"
    for policy in get_args(Policy):
        assert code_of(fenced(imported), policy) == imported
    assert code_of(fenced(imported) + fenced(USE)) == imported
    assert code_of(fenced("from answers import Solution"), "last", "Solution().add") == "from answers import Solution"
    assert reason_of(fenced("def add(a, b):\n    return a +") + fenced(TESTS)) == "does_not_parse"
    assert reason_of(fenced("def add(a, b):\n    return a +") + fenced(TESTS), "longest") == "does_not_parse"


def test_longest_takes_the_longest_valid_block():
    long = "def add(a, b):\n    total = a + b\n    return total"
    assert code_of(fenced(long) + fenced(ADD), "longest") == long
    assert code_of(fenced("def add(a, b):\n    return (total" + "x" * 99) + fenced(ADD), "longest") == ADD
    assert code_of(fenced("x = f(1)") + fenced("x = f(2)"), "longest", None) == "x = f(2)"


# Text without an opening fence


@pytest.mark.parametrize("policy", get_args(Policy))
def test_a_prefilled_answer_begins_inside_its_fence(policy):
    assert code_of(f"{ADD}\n```\nIt adds.", policy) == ADD
    assert extract_code(f"{ADD}\n```<|im_end|>", policy, "add") == Extraction(ADD, None, closed=True, one_block=True)
    assert code_of(f"{ADD}\n```\nUse:\n{fenced(USE, 'bash')}", policy) == ADD
    assert code_of(f"x = f(1)\n```\n{fenced(ADD)}") == ADD


def test_a_bare_program_is_a_program_that_may_be_cut_off():
    assert extract_code(ADD, entry_point="add") == Extraction(ADD, None, closed=False)
    assert extract_code(ADD) == Extraction(ADD, None, closed=False)
    assert reason_of("def add(a, b):\n    return a +") == "does_not_parse"
    assert reason_of("def plus(a, b):\n    return a + b") == "entry_point_missing"
    assert reason_of("def add(a, b):\n    pass") == "trivial"


@pytest.mark.parametrize(
    "prose", ["", " \n", "Sorry", "I cannot do this.", "Answer: 42", "yes, no", "42", "not possible", "```\n```", "a\n```\nb\n```"]
)
def test_prose_is_no_program(prose):
    assert reason_of(prose, "last", None) == "no_code" or reason_of(prose, "last", None) == "trivial"
    assert reason_of(prose, "last", "add") in ("no_code", "entry_point_missing")


# Validity


def test_what_must_parse_is_the_grammar_of_one_version():
    assert code_of(fenced("match 1:\n    case 1:\n        print(1)"), "last", None)
    assert reason_of(fenced("try:\n    print(1)\nexcept* ValueError:\n    print(2)"), "last", None) == "does_not_parse"
    assert reason_of(fenced("print 'two'"), "last", None) == "does_not_parse"


def test_length_is_decided_before_parsing(monkeypatch):
    monkeypatch.setattr(ast, "parse", lambda *_, **__: pytest.fail("parsed"))
    for code in ["x = '" + "é" * (MAX_PROGRAM_BYTES // 2) + "'", "a;" * (MAX_TOKENS // 2) + "a"]:
        assert check_program(code) == "program_too_long"


def test_the_longest_program_passes():
    assert check_program("a();" * (MAX_TOKENS // 4)) is None
    assert check_program("x='" + "é" * ((MAX_PROGRAM_BYTES - 4) // 2) + "'") is None
    line = "value = value + '" + "x" * 45 + "'\n"
    assert code_of(fenced(("print(1)\n" + line * 2000)[: MAX_PROGRAM_BYTES // len(line) * len(line) - len(line) + 9]), "last", None)


@pytest.mark.parametrize(
    "code",
    [
        "def f(x):\n    return x",
        "async def f(x):\n    return x",
        "class f:\n    def __init__(self):\n        self.x = 1",
        "class f(Exception):\n    pass",
        "f = lambda x: x",
        "f: object = abs",
        "g = f = abs",
        "f, g = abs, min",
        "(f, *rest) = [abs, min]",
        "from math import sqrt as f",
        "import math as f",
        "if True:\n    def f(x):\n        return x",
        "try:\n    from fast import f\nexcept ImportError:\n    def f(x):\n        return x",
        "try:\n    pass\nfinally:\n    f = abs",
        "for f in [abs]:\n    pass",
        "with open('x') as f:\n    pass",
        "match 1:\n    case 1:\n        f = abs",
        "def f(x): ...\ndef f(x):\n    return x",
    ],
)
def test_every_way_to_define_the_entry_point(code):
    assert check_program(code, "f") is None


@pytest.mark.parametrize(
    "code",
    [
        "def g(x):\n    def f(x):\n        return x\n    return f",
        "g(f)",
        "class g:\n    def f(self):\n        return 1",
        "x.f = 1",
        "f: int",
        "def ff(): return 1",
        "f == 1",
    ],
)
def test_what_does_not_define_the_entry_point(code):
    assert check_program(code, "f") == "entry_point_missing"


@pytest.mark.parametrize("entry_point", ["Solution().twoSum", "Solution.twoSum"])
def test_an_entry_point_may_be_a_method(entry_point):
    method = "    def twoSum(self, a):\n        return a"
    assert check_program(f"class Solution:\n{method}", entry_point) is None
    assert check_program(f"class Base:\n{method}\nclass Solution(Base):\n    pass", entry_point) is None
    assert check_program("class Solution:\n    twoSum = staticmethod(abs)", entry_point) is None
    assert check_program("from answers import Solution", entry_point) is None
    assert check_program("def twoSum(a):\n    return a", entry_point) == "entry_point_missing"
    assert check_program("class Solution:\n    def other(self):\n        return 1", entry_point) == "entry_point_missing"
    assert check_program("class Solution(Solution):\n    pass", entry_point) == "entry_point_missing"
    assert check_program("class Solution:\n    def twoSum(self, a):\n        pass", entry_point) == "trivial"


def test_an_entry_point_that_is_no_name_is_not_found():
    assert check_program(ADD, "add(1)") == "entry_point_missing"
    assert extract_code(fenced(ADD), entry_point="").code == ADD


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "...",
        "'''Adds.'''",
        "'''Adds.'''\n    pass",
        "raise NotImplementedError",
        "raise NotImplementedError('later')",
        "import math\n    pass",
        "# later\n    pass",
        "a + b",
    ],
)
def test_stubs_are_trivial(body):
    code = f"def add(a, b):\n    {body}"
    assert check_program(code, "add") == "trivial"
    assert check_program(code) == "trivial"
    assert check_program(f"{code}\nprint(add(1, 2))", "add") == "trivial"


@pytest.mark.parametrize(
    "code", ["", "# a + b", "'''A program.'''", "pass", "...", "import math", "42\n[1, 2]", "class A:\n    x: int", "x: int"]
)
def test_programs_that_do_nothing_are_trivial(code):
    assert check_program(code) == "trivial"


@pytest.mark.parametrize(
    "body", ["return None", "yield", "raise ValueError", "print()", "a.append(b)", "del a[b]", "await b", "global c", "return"]
)
def test_short_bodies_that_do_something_are_not(body):
    assert check_program(f"async def add(a, b):\n    {body}", "add") is None


@pytest.mark.parametrize("constant", ["None", "...", "0"])
def test_a_constant_is_no_function(constant):
    assert check_program(f"add = {constant}\nprint(1)", "add") == "trivial"


# Whatever the text


FRAGMENTS = [
    "```",
    "```python\n",
    "```\n",
    "~~~",
    "\n",
    "\r\n",
    "\0",
    "\ud800",
    "<think>",
    "</think>",
    "<|im_end|>",
    "def add(a):\n",
    "    return a\n",
    '"""',
    "> ",
    "- ",
    "\t",
    "(",
    "é",
    "x = 1\n",
    ">>> ",
]
TEXTS = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=3)), max_size=40).map("".join),
    st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")),
)


@settings(max_examples=600)
@given(TEXTS, st.sampled_from(get_args(Policy)), st.sampled_from([None, "add", "Solution().f", "", "\ud800", "(("]))
def test_any_text_gives_a_program_or_a_reason(response, policy, entry_point):
    extraction = extract_code(response, policy, entry_point)
    assert (extraction.code is None) != (extraction.reason is None)
    if extraction.code is None:
        assert extraction.reason in REASONS
    else:
        assert check_program(extraction.code, entry_point or None) is None
        assert all(line.strip() in response for line in extraction.code.split("\n"))


@settings(max_examples=300)
@given(TEXTS, st.sampled_from(["last", "longest"]))
def test_strict_is_the_strictest(response, policy):
    strict = extract_code(response, "strict")
    if strict.code is not None:
        assert extract_code(response, policy) == strict


@given(
    st.lists(st.sampled_from(["a = f(1)", "if a:\n    b = f(2)", "c = f('\\d')", "x = f('```')"]), min_size=1, max_size=5).map("\n".join),
    st.sampled_from(["```", "~~~", "`````"]),
)
def test_a_valid_program_comes_back_as_it_was(code, marks):
    assert code_of("So:\n" + fenced(code, marks=marks) + "Done.", "last", None) == code.strip("\n")


def test_every_reason_is_explained():
    stated = {reason for part in get_args(Reason) for reason in (get_args(part) or (part,))}
    assert set(REASONS) == stated


@pytest.mark.parametrize(
    "sign",
    [
        "(",
        "[",
        "{",
        "-",
        "not ",
        "~",
        "lambda: ",
        "x.",
        "x(",
        "x[",
        "1 + ",
        "1 ** ",
        "1 if 1 else ",
        "*",
        "await ",
        "f(a for a in ",
        "{1: ",
        "'''",
        "f'{",
        "> ",
        "- ",
        "1. ",
        "<think>",
        "\0",
        "\ud800",
        "\\\n",
        "@x\n",
        "else:",
    ],
)
@pytest.mark.parametrize("count", [2_000, 100_000])
def test_deep_nesting_is_survived(sign, count):
    for text in (sign * count, fenced(sign * count), f"```\nx = {sign * count}1\n```", sign * count + fenced(ADD)):
        extraction = extract_code(text, "longest", "add")
        assert (extraction.code is None) == (extraction.reason is not None)


@pytest.mark.parametrize("indented", ["if True:\n", "def f():\n", "class A:\n", "for x in y:\n", "while True:\n"])
def test_nested_blocks_are_survived(indented):
    code = "".join(" " * depth + indented for depth in range(300)) + " " * 300 + "pass"
    assert reason_of(fenced(code), "last", None) == "does_not_parse"
    shallow = "".join(" " * depth + indented for depth in range(90)) + " " * 90 + "print(1)"
    assert code_of(fenced(shallow), "last", None) == shallow


def test_a_small_stack_suffices():
    reasons = []

    def extract() -> None:
        for sign in ("x.", "-", "x + ", "1 if x else ", "lambda: ", "("):
            reasons.append(extract_code(fenced(f"x = {sign * (20_000 // len(sign))}x")).reason)

    threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=extract)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)
    assert len(reasons) == 6


def test_warnings_are_neither_shown_nor_raised():
    code = "import re\nprint(re.sub('\\d', '', 'x'), 1 is 1)"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        assert code_of(fenced(code), "last", None) == code
        assert code_of(fenced("'''Text.'''\n" + code) + fenced(ADD), "last", None) == ADD
    assert caught == []


def test_answers_over_the_limit_are_not_read():
    longest = (fenced(ADD) + "x" * MAX_ANSWER_CHARACTERS)[:MAX_ANSWER_CHARACTERS]
    assert code_of(longest) == ADD
    assert reason_of(longest + "x") == "answer_too_long"
    assert reason_of(fenced("1", "text") * MAX_FENCES + fenced(ADD)) == "answer_too_long"
    assert code_of(fenced("1", "text") * (MAX_FENCES - 1) + fenced(ADD)) == ADD
    assert code_of("x\n" * 1_000_000 + "</think>" + fenced(ADD)) == ADD


def test_the_worst_answers_take_linear_time_and_less_than_100_mb():
    command = [sys.executable, "-m", "scripts.bench_extraction", "--worst", "--machine"]
    worst = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert len(worst["answers"]) > 30
    # Each takes less than a second on an idle machine (make bench-extraction); one that is read in quadratic time, minutes.
    assert max(answer["seconds"] for answer in worst["answers"]) < 10
    assert worst["peak_mb"] < 100


@pytest.fixture(scope="module")
def real_answers():
    folder = os.environ.get("CODE_REWARD_DATA")
    if not folder:
        pytest.skip("set CODE_REWARD_DATA to the folder of public research data")

    def read(name: str) -> list[dict[str, Any]]:
        with gzip.open(Path(folder) / name, "rt", encoding="utf-8") as file:
            return json.load(file)

    return read


def test_real_answers_of_a_reasoning_model_give_the_code_that_was_judged(real_answers):
    rows = real_answers("candidates/lcb_o1mini.json.gz")
    pairs = [(answer, code) for row in rows for answer, code in zip(row["output_list"], row["code_list"], strict=True)]
    assert len(pairs) == 110
    for answer, code in pairs:
        assert code_of(answer, "last", None).strip() == code.strip()
        assert code_of(answer, "strict", None).strip() == code.strip()


def test_real_reasoning_gives_its_solution_and_not_its_drafts_or_examples(real_answers):
    rows = [row for row in real_answers("problems/kodcode_sample.json.gz") if row["r1_solution"]]
    assert len(rows) == 172
    for row in rows:
        solution = row["r1_solution"].strip()
        answer = row["conversations"][1]["value"]
        assert "</think>" in answer
        # The publisher renamed the functions of some solutions afterwards.
        assert abs(len(code_of(answer, "last", None)) - len(solution)) < 150
        assert code_of(solution, "last", None) == solution


def test_importing_brings_nothing_heavy():
    program = "import sys, code_reward.extraction; print({'numpy', 'pydantic', 'torch', 'transformers', 'tokenizers'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "set()"

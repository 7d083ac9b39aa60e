"""The fence reader agrees with markdown-it-py, and with the specification where that one does not."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from code_reward.fences import MAX_NESTING, Fence, find_fences

# Without raw HTML and link definitions, which we leave out on purpose.
RULES = ["code", "fence", "blockquote", "hr", "list", "heading", "lheading", "paragraph"]

MARKS = ["```", "```", "````", "~~~", "~~~~", "```python", "```a`b", "text", "    ", "  ", " ", "\n", "\n", "\n", "\n"]
BLOCKS = ["- ", "-", "* ", "+ ", "1. ", "1)", "2. ", "# ", "#", "===", "---", "***", "\\"]


def read_by_markdown_it(text: str) -> list[tuple[str, str, bool, int, int]]:
    parser = MarkdownIt("commonmark")
    parser.block.ruler.enableOnly(RULES)
    tokens = []
    parser.block.parse(text, parser, {}, tokens)
    fences = []
    for token in tokens:
        if token.type == "fence":
            first, after = token.map
            closed = after - first == token.content.count("\n") + 2
            fences.append((token.info.strip(), token.content, closed, first, after))
    return fences


def read_by_us(text: str) -> list[tuple[str, str, bool, int, int]]:
    line_of = {offset: number for number, offset in enumerate([0, *(match.end() for match in re.finditer("\n", text))])}
    return [(f.info, f.content, f.closed, line_of[f.start], line_of[f.end]) for f in find_fences(text)]


def contents(text: str) -> list[str]:
    return [fence.content for fence in find_fences(text)]


def lines_of(pieces: list[str]) -> str:
    # In a quote markdown-it-py takes a ">" that is indented by four columns for a quote mark; the specification does not.
    return re.sub(" {4,}>", "   >", "".join(pieces)) + "\n"


@settings(max_examples=500)
@given(st.lists(st.sampled_from([*MARKS, *BLOCKS, "> ", ">"]), max_size=30).map(lines_of))
def test_equals_markdown_it_in_quotes_and_lists(text):
    assert read_by_us(text) == read_by_markdown_it(text)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*MARKS, *BLOCKS, "\t", "\t", " \t"]), max_size=30).map(lines_of))
def test_equals_markdown_it_with_tabs(text):
    assert read_by_us(text) == read_by_markdown_it(text)


@settings(max_examples=300)
@given(st.text(alphabet="`~ \n-1.)a>#", max_size=60).map(lambda text: lines_of([text])))
def test_equals_markdown_it_on_soups_of_signs(text):
    assert read_by_us(text) == read_by_markdown_it(text)


@pytest.mark.parametrize(
    "text",
    [
        "a\n\n2. ```\n   b\n",
        "a\n2. ```\nb\n",
        "a\n1. ```\nb\n",
        "a\n-\n  ```\nb\n",
        "a\n-\n\n2. ```\nb\n",
        "-\n\n  ```\na\n",
        "- >\n\n  ```\na\n",
        "- a\n\n  ```\na\n",
        "> ```\n>     ```\n> ```\na\n",
        "> ```\n>    ```\na\n",
        ">    ```\n>   a\n>     b\n",
        "> a\nb\n2. ```\nc\n",
        "> a\n    b\n2. ```\nc\n",
        "> # a\n2. ```\nc\n",
        "    a\n2. ```\nc\n",
        "   # a\n2. ```\nc\n",
        "a\n    # b\n2. ```\nc\n",
        "a\n   ---\n2. ```\nc\n",
        "a\n    ---\n2. ```\nc\n",
        "a\n===\n2. ```\nc\n",
        "===\n2. ```\nc\n",
        "> a\n===\n2. ```\nc\n",
        "> a\n---\n2. ```\nc\n",
        "* * *\n```\nc\n",
        "- - -\n  ```\nc\n",
        "   - ```\n     a\nb\n",
        "    - ```\na\n",
        "- a\n    - ```\n      b\n",
        "-     ```\n",
        "-    ```\n     a\n",
        "- ```\n\ta\n",
        "- ```\n \t\ta\n",
        "1. ```\n\t\tb\n  \tc\n",
        "- a\n  - ```\n\t\tb\n",
        "-\t```\n\ta\n",
        " \t```\na\n",
        "  ```\n\ta\n   b\n c\n  ```\n",
        "123456789. ```\na\n",
        "1234567890. ```\na\n",
        "a\n> 2. ```\n> b\n",
        "- a\n> ```\n> b\n  c\n",
        "-    ```\n   a\n",
        "-     ```\n      a\n```\nb\n",
    ],
)
def test_equals_markdown_it_where_the_rules_meet(text):
    assert read_by_us(text) == read_by_markdown_it(text)


@given(st.text())
def test_any_text_is_read(text):
    for fence in find_fences(text):
        assert 0 <= fence.start < fence.end <= len(text)


def test_a_fence_knows_its_place():
    text = "Look:\n\n  ~~~ Python  title=x \n  a\n   b\n~~~\nafter"
    assert find_fences(text) == [Fence("Python  title=x", "a\n b\n", True, 7, len(text) - len("after"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("````\n```\na\n```\n````\n", ["```\na\n```\n"]),
        ("```\n~~~\n```\n", ["~~~\n"]),
        ("```\na\n  ````  \n", ["a\n"]),
        ("``` a`b\nx\n", []),
        ("~~~ a`b\nx\n~~~\n", ["x\n"]),
        ("    ```\n    a\n", []),
        ("text\n```\na\n```\n", ["a\n"]),
        ("- x\n\n  ```\n  a\n  ```\n", ["a\n"]),
        ("10. ```\n    a\n    ```\n", ["a\n"]),
        ("> ```\n> a\n> ```\n", ["a\n"]),
        ("> - ```\n>   a\n>\n>   b\n>   ```\n", ["a\n\nb\n"]),
        ("```\n    ```\n```\n", ["    ```\n"]),
        ("-\n\n  ```\n  a\n  ```\n", ["a\n"]),
    ],
)
def test_reads_like_the_specification(text, expected):
    assert contents(text) == expected
    assert all(fence.closed for fence in find_fences(text))


@pytest.mark.parametrize("text", ["```\na", "```\na\n~~~\n", "- ```\n  a\nb\n", "> ```\n> a\nb\n", "````\na\n```\n", "```"])
def test_a_fence_that_nothing_closes_is_told_from_one_that_is_closed(text):
    assert [fence.closed for fence in find_fences(text)] == [False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (">\n    > ```\n", []),  # indented code after the quote
        (">>* \t```\n", []),  # indented code in the list item: the tab is four columns wide
        ("<answer>\n```\na\n```\n</answer>\n", ["a\n"]),  # raw HTML in the specification
        ("[a]: b\n2. ```\n", []),  # a link definition in the specification
    ],
)
def test_where_markdown_it_or_we_differ_from_the_specification(text, expected):
    assert contents(text) == expected


def test_nesting_has_an_end():
    assert contents("> " * MAX_NESTING + "```\n") == [""]
    assert contents("> " * (MAX_NESTING + 1) + "```\n") == []


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        ("", "> ```\na\n"),
        ("", "> a\nb\n"),
        ("", "```\n"),
        ("", "`````\n~~~\n"),
        ("", ">" * 100 + "\n"),
        ("", "- a\n\n"),
        ("", "\t- a\n"),
        ("", "> - 1. "),
        ("- " * MAX_NESTING + "a\n", "\n"),
        ("- " * MAX_NESTING + "```\n", "\n"),
        ("> " * MAX_NESTING + "a\n", "a\n"),
    ],
)
def test_time_grows_with_the_length_alone(beginning, piece):
    def seconds(length: int) -> float:
        text = beginning + piece * (length // len(piece))

        def once() -> float:
            start = time.process_time()
            find_fences(text)
            return time.process_time() - start

        return min(once() for _ in range(3))

    # Ten times the text; quadratic would be a hundred times the time.
    assert seconds(200_000) < 40 * max(seconds(20_000), 1e-3)

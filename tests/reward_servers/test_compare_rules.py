"""The rules by which results and outputs are compared: those that graders of published data sets have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_servers.sandbox.worker.referee.compare_json import equal_json
from reward_servers.sandbox.worker.referee.outputs import judge_output
from reward_servers.sandbox.worker.values import encode

RULES = ("lines", "decimals", "tokens")


@pytest.mark.parametrize(
    ("expected", "printed", "passing"),
    [
        ("1 2\n3\n", "1 2 \r\n 3\n\n", RULES),
        ("1 2\n", "1  2", RULES),
        ("1 2\n", "1\t2", RULES),
        ("1.5\n", "1.50\n", RULES),
        ("2.0\n", "2\n", RULES),
        ("0.00001\n", "1e-05\n", RULES),
        ("", "\n", RULES),
        ("0.333333333333\n", "0.3333333333333333\n", ("lines", "tokens")),
        ("100000.25\n", "100000.5\n", ("lines",)),
        ("Yes\n", "YES\n", ("lines", "tokens")),
        ("Alice\n", "ALICE\n", ("tokens",)),
        ("1 2\n3\n", "1\n2 3\n", ("tokens",)),
        ("0.3333\n", "0.334\n", ()),
        ("50000000000000000\n", "50000000000000001\n", ()),
        ("123456789\n", "123456789.5\n", ()),
        ("1\n2\n", "1\x0c2\n", ("tokens",)),
        ("1\n2\n", "1\x852\n", ("tokens",)),
        ("NO\nYES\n", "YES\nNO\n", ()),
        ("1\n", "1\n2\n", ()),
        ("1\n2\n", "1\n", ()),
        ("", "x", ()),
        ("x", "", ()),
        ("nan\n", "NaN\n", ("tokens",)),
        ("1.5\n", "sNaN\n", ()),
        ("1.5\n", "inf\n", ()),
        ("1e400\n", "1.0e400\n", RULES),
        ("1.0e400\n", "2.0e400\n", ()),
        ("1.5\n", "9" * 5000, ()),
        ("1" * 5000, "1" * 5000 + ".0", RULES),
    ],
)
def test_an_output_passes_by_these_rules_and_no_others(expected: str, printed: str, passing: tuple[str, ...]) -> None:
    kinds = {rule: judge_output(expected, printed, rule)[0] for rule in RULES}
    assert {rule for rule, kind in kinds.items() if kind == "passed"} == set(passing)
    assert set(kinds.values()) <= {"passed", "wrong_output"}


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(RULES))
def test_any_texts_are_judged_and_an_output_equals_itself(expected: str, printed: str, rule: str) -> None:
    assert judge_output(expected, expected, rule) == ("passed", "")
    assert judge_output(expected, printed, rule)[0] in ("passed", "wrong_output")


def test_a_message_names_the_first_place_that_differs() -> None:
    assert judge_output("1\n2\n3\n", "1\n2.5\n3\n")[1] == "line 2: expected '2', got '2.5'"
    assert judge_output("1 2 3", "1\n2", "tokens")[1] == "word 3: expected '3', got the end"


@pytest.mark.parametrize(
    ("expected", "got", "equal", "boxed"),
    [
        ([2, 1], (2, 1), True, True),
        ([["a", 2]], [("a", 2)], True, True),
        ({"1": 2, "2": 1}, {1: 2, 2: 1}, True, True),
        ({"1": [1, 2]}, {1: (1, 2)}, True, True),
        ({"null": 1, "true": 2}, {None: 1, True: 2}, True, True),
        ({"1": 2}, {1: 2, "1": 2}, False, False),
        ({"1": 2}, {}, False, False),
        ({}, {1: 2}, False, False),
        ({"1": 2}, {(1,): 2}, False, False),
        ([1], 1, False, True),
        ([[1]], [1], False, True),
        ([[1]], 1, False, False),
        ([1, 2], {1, 2}, False, False),
        ([1, 2], [1, 2, 3], False, False),
        ("ab", ["a", "b"], False, False),
        (["a", "b"], "ab", False, False),
        (None, None, True, True),
        (10**4000, 10**4000, True, True),
        (0.3, 0.1 + 0.2, False, False),
        ([], (), True, True),
        ([], None, False, False),
    ],
)
def test_a_result_is_compared_as_json_has_it(expected: object, got: object, equal: bool, boxed: bool) -> None:
    assert equal_json(expected, encode(got)) is equal
    assert equal_json(expected, encode(got), boxed=True) is boxed


@pytest.mark.parametrize(
    ("expected", "got", "equal"),
    [
        ([0.3, [1.0]], (0.1 + 0.2, [1]), True),
        (3, 2.9999999999, True),
        ({"1": 0.3}, {1: 0.1 + 0.2}, True),
        (0.3, 0.31, False),
        (True, 1.0000000001, False),
        (10**17, 10**17 + 1, False),
        (0.3, "0.3", False),
        (0.3, [0.1 + 0.2], False),
    ],
)
def test_numbers_of_a_json_result_may_be_off_by_the_tolerance(expected: object, got: object, equal: bool) -> None:
    assert equal_json(expected, encode(got), 1e-6) is equal

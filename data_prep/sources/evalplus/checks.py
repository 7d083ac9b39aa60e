"""Tasks of evalplus that accept more than the reference solution's own result, and the tests that say so.

The list is that of evalplus 0.3.1 (`evalplus/eval/_special_oracle.py`), so that verdicts agree with published ones: in some tasks the
order of elements does not matter or any object may stand for a truth value, a root is any root, and two statements have two readings.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from code_reward.problem import AssertTest, CheckTest, Test

Case = tuple[str, str]
"""Arguments and expected result of one call, as source texts; the arguments are a tuple."""

UNORDERED = frozenset(
    {
        "similar_elements",
        "find_char_long",
        "common_in_nested_lists",
        "extract_singly",
        "larg_nnum",
        "intersection_array",
        "find_dissimilar",
        "Diff",
    }
)
TRUTH = frozenset({"check_str", "text_match_three", "text_starta_endb"})
"""Any result but None, or True, stands for yes."""


_BODIES = {
    # Any root of the polynomial.
    "find_zero": """
        (coefficients,) = arguments
        x = candidate(list(coefficients))
        assert abs(sum(c * x**power for power, c in enumerate(coefficients))) <= 1e-4
    """,
    # The second number may be read as the slant height, as the reference does, or as the height, as the statement says.
    "surface_Area": """
        base, height = arguments
        slant = ((base / 2) ** 2 + height**2) ** 0.5
        assert candidate(base, height) in (expected, round(base**2 + 2 * base * slant))
    """,
    # Digits may be compared from the left, as the reference does, or place by place.
    "digit_distance_nums": """
        a, b = map(str, arguments)
        width = max(len(a), len(b))
        places = sum(abs(int(x) - int(y)) for x, y in zip(a.zfill(width), b.zfill(width)))
        assert candidate(*arguments) in (expected, places)
    """,
} | dict.fromkeys(
    TRUTH,
    """
        result = candidate(*arguments)
        assert (result if isinstance(result, bool) else result is not None) == expected
    """,
)


def lenient_tests(entry_point: str, cases: Sequence[Case]) -> list[Test] | None:
    """Tests for a task that is not judged by equality with the reference's results; None for every other task."""
    if entry_point in UNORDERED:
        return [AssertTest(code=f"assert set({entry_point}{args}) == set({expected})") for args, expected in cases]
    if entry_point not in _BODIES:
        return None
    return [CheckTest(code=_check(_BODIES[entry_point], cases))] if cases else []


def _check(body: str, cases: Sequence[Case]) -> str:
    lines = ["CASES = [", *(f"    ({args}, {expected})," for args, expected in cases), "]", ""]
    lines += ["def check(candidate):", "    for arguments, expected in CASES:", textwrap.indent(textwrap.dedent(body).strip(), " " * 8), ""]
    return "\n".join(lines)

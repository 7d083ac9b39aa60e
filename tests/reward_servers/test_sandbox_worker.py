"""The parts of a worker that need no process: planning, values, comparison, tidying up."""

import contextlib
import datetime
import math
import os
import struct
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reward_servers.sandbox.worker.jail.tidy import empty
from reward_servers.sandbox.worker.referee.compare import close, equal, identical, near
from reward_servers.sandbox.worker.referee.constants import NotConstant, constant
from reward_servers.sandbox.worker.referee.disk import overfull
from reward_servers.sandbox.worker.referee.plan import calls_of_test
from reward_servers.sandbox.worker.values import NotPlain, decode, encode

DEFAULT_ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, 7, 0xFFFFFFFF) for tag in (1, 4, 32))
CASE = "    def test_a(self):\n        self.assertEqual(f(1), 2)\n"
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.complex_numbers(allow_nan=False)
)
keys = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
values = st.recursive(
    keys,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(values)
def test_a_value_that_crosses_is_the_same_value(value):
    assert equal(value, encode(value))


@settings(max_examples=60, deadline=None)
@given(keys)
def test_what_can_be_hashed_is_rebuilt(value):
    crossed = decode(encode(value))
    assert crossed == value
    assert type(crossed) is type(value)


def test_what_no_constant_equals_equals_nothing():
    assert not equal({1}, encode({datetime.date(2024, 1, 1)}))
    assert not equal({1: 2}, encode({range(3): 2}))


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_comparison_agrees_with_python(expected, got):
    assert equal(expected, encode(got)) == (expected == got)


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["t", "v", "x"]), inner), max_leaves=10))
def test_malformed_wire_forms_never_equal_and_never_do_more_than_raise(wire):
    with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError):
        assert equal(object(), wire) is False


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ([1, 2], (1, 2), False),
        ((1, 2), (1, 2), True),
        (1, True, True),
        (1, 1.0, True),
        ("1", 1, False),
        ({1, 2}, frozenset({2, 1}), True),
        ({"a": [1]}, {"a": (1,)}, False),
        (math.nan, math.nan, True),
        ([math.nan], [math.nan], True),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (b"a", "a", False),
        ([], (), False),
        (range(3), range(3), False),
    ],
)
def test_what_counts_as_equal(expected, got, same):
    if isinstance(got, range):
        got = list(got)
    assert equal(expected, encode(got)) is same


def test_long_integers_cross():
    assert decode(encode(10**5000)) == 10**5000
    assert equal(10**5000, encode(10**5000))
    assert not equal(10**5000, encode(10**5000 + 1))


@pytest.mark.parametrize(
    ("expected", "got", "atol", "same"),
    [
        (1.0, 1.0005, 1e-3, True),
        (1.0, 1.002, 1e-3, False),
        (1.0, 1, 1e-3, True),
        (1.5, 2, 1, False),
        ([1.0, [2.0]], [1.0001, [2.0001]], 1e-3, True),
        ([1.0], (1.0001,), 1e-3, False),
        ({"a": 1.0}, {"a": 1.0001}, 1e-3, True),
        (1e12, 1e12 + 1, 1e-6, True),
        (math.inf, 1e308, 1e-6, False),
    ],
)
def test_a_tolerance_is_for_floats_in_the_same_places(expected, got, atol, same):
    assert equal(expected, encode(got), atol) is same


def test_close_is_isclose():
    assert close(2.0, 2.0009, 0.001, 0.0)
    assert not close(2.0, 2.0011, 0.001, 0.0)
    assert close(1000, 1000.9, 0.0, 0.001)
    assert close(2.0, encode(Decimal("2.0")), 0.001, 0.0)
    assert not close(2.0, encode(2 + 0j), 0.001, 0.0)


def test_near_is_a_distance_and_knows_below_from_within():
    assert near(5, 5.5, 1, strictly=True)
    assert near(5, 6, 1, strictly=False)
    assert not near(5, 6, 1, strictly=True)
    assert not near(math.inf, math.inf, 1, strictly=False)


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (3, np.array([3]), True),
        ([3], np.array([[3]]), True),
        ((3,), np.array(3), True),
        (3, np.array([4]), False),
        ([3, 4], np.array([3, 4]), False),
        ([], np.array([]), False),
        (True, np.True_, True),
        ({True}, {np.True_}, True),
        ([False], [np.False_], True),
    ],
)
def test_an_array_equals_what_it_would_by_its_only_element(expected, got, same):
    assert equal(expected, encode(got)) is same


def test_the_true_of_numpy_is_not_the_object_true():
    assert identical(True, encode(True))
    assert not identical(True, encode(np.True_))


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (2.0, Fraction(2), True),
        (2.0, Decimal("2.0"), False),
        (2.0, 2 + 0j, True),
        (2.0, np.array([2.0]), True),
        (2.0, np.array(2.0), True),
        (2.0, np.array([2.0, 2.0]), False),
        (2.0, [2.0], False),
        (2.0, None, False),
        (2.0, "2.0", False),
        pytest.param(2.0, 10**4000, False, id="too-large"),
        (2j, Decimal(2), False),
        (2.0, Decimal("sNaN"), False),
        ("2.0", 2.0, False),
    ],
)
def test_what_is_no_number_is_not_near(expected, got, same):
    assert near(expected, encode(got), 1e-6, strictly=True) is same


def test_a_set_full_of_collisions_is_not_built_to_be_told_from_a_number(monkeypatch):
    built = []
    monkeypatch.setattr("reward_servers.sandbox.worker.referee.compare.decode", built.append)
    assert not near(3.5, {"t": "set", "v": [k * (2**61 - 1) for k in range(1, 20_000)]}, 1e-6, strictly=True)
    assert not built


class Liar(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def test_subclasses_cross_as_what_they_are_and_objects_not_at_all():
    assert encode([Liar(3)]) == [3]
    assert type(encode(Liar(3))) is int
    with pytest.raises(NotPlain, match="object"):
        encode([object()])


def calls(code, entry_point="f", kind="asserts"):
    found = calls_of_test({"kind": kind, "code": code}, entry_point)
    return None if found is None else [(call.shown, call.relation, call.expected) for call in found.calls]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("assert f(1) == 2", [("f(1)", "equal", 2)]),
        ("assert 2 == f(1)", [("f(1)", "equal", 2)]),
        ("assert f([1], x={'a': (1,)}) == [2]", [("f([1], x={'a': (1,)})", "equal", [2])]),
        ("assert f(1)", [("f(1)", "equal", True)]),
        ("assert not f(1)", [("f(1)", "equal", False)]),
        ("assert f(1) is None", [("f(1)", "same", None)]),
        ("assert f(1) != 2", [("f(1)", "differs", 2)]),
        ("assert set(f(1)) == set([1, 2])", [("set(f(1))", "equal", {1, 2})]),
        ("assert abs(f(1) - 2 / 3) < 1e-6", [("f(1)", "below", 2 / 3)]),
        ("assert abs(2 - f(1)) <= 1", [("f(1)", "within", 2)]),
        ("import math\nassert math.isclose(f(1), 0.5, rel_tol=0.01)", [("f(1)", "close", 0.5)]),
        ("assert f(g(1)) == 2", [("f(g(1))", "equal", 2)]),
        ("'doc'\nx = 3\npass\nassert True", []),
    ],
)
def test_assertions_become_calls(code, expected):
    assert calls(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "assert f(1) == f(2)",
        "assert is_same(f(1), [2])",
        "assert f(1) == g(2)",
        "assert f(1) == 2 or True",
        "for x in range(3):\n    assert f(x) == x",
        "assert f(open('x')) == 1",
        "assert (lambda: 1)() == 1",
        "assert f(1) < 2",
        "assert len('abc') == 4",
        "assert False",
        "x = f(1)",
        "assert f(",
        "assert Number(3) == 3",
        "assert f(1) != float('nan')",
        "assert f(1) == [0, {float('nan')}]",
        "assert f(1) == inf",
        "assert f(nan) == 1",
    ],
)
def test_what_shows_or_needs_more_than_a_constant_is_not_a_call(code):
    assert calls(code) is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("pytest", "from solution import f\ndef test_a():\n    assert f(1) == 3\ndef test_a():\n    assert f(1) == 2\n"),
        ("pytest", "from solution import test_value\ndef test_a():\n    assert test_value(1) == 3\n"),
        ("unittest", f"import unittest\nclass T(unittest.TestCase):\n{CASE}{CASE}"),
        ("unittest", f"import unittest\nclass T(unittest.TestCase):\n{CASE}class T(unittest.TestCase):\n{CASE}"),
    ],
)
def test_a_definition_that_another_replaces_makes_no_calls(kind, code):
    assert calls_of_test({"kind": kind, "code": code, "module": "solution"}, "f") is None


def test_the_program_is_not_told_which_truth_is_expected():
    wanted = {code: calls_of_test({"kind": "asserts", "code": code}, "f").calls[0] for code in ("assert f(1)", "assert not f(1)")}
    assert len({(call.code, call.truth) for call in wanted.values()}) == 1
    assert [call.expected for call in wanted.values()] == [True, False]


def test_a_check_is_called_with_the_entry_point():
    code = "METADATA = {}\n\ndef check(candidate):\n    assert candidate(n=1) == 2"
    assert calls(code, "Solution().f", "check") == [("Solution().f(n=1)", "equal", 2)]


def test_expected_values_are_not_in_what_the_program_gets_to_see():
    (call,) = calls_of_test({"kind": "asserts", "code": "assert f('question') == 'the secret answer'"}, "f").calls
    assert b"question" in call.code
    assert b"secret" not in call.code


@pytest.mark.parametrize(
    ("source", "value"),
    [("[1, (2,), {3: {4}}]", [1, (2,), {3: {4}}]), ("-1e999", -math.inf), ("set()", set()), ("10**9 + 7", 10**9 + 7), ("'a' + 'b'", "ab")],
)
def test_constants(source, value):
    assert constant(source) == value


@pytest.mark.parametrize(
    "source", ["f()", "x", "open('x')", "10**10**10", "'a' * 10**9", "[i for i in range(9)]", "{**{}}", "__import__('os')"]
)
def test_what_is_not_constant_is_not_evaluated(source):
    with pytest.raises((NotConstant, SyntaxError)):
        constant(source)


def test_access_lists_and_attributes_go_with_the_files(tmp_path):
    try:
        os.setxattr(tmp_path, "user.left", b"x")
        os.setxattr(tmp_path, "system.posix_acl_default", DEFAULT_ACL)
    except OSError as error:
        pytest.skip(f"this file system has no attributes: {error}")
    empty(str(tmp_path))
    assert os.listxattr(tmp_path) == []


def test_what_a_program_takes_of_the_disk_is_counted(tmp_path):
    assert not overfull([str(tmp_path), str(tmp_path / "gone")])
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 1 << 40)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "round").symlink_to("/")
    assert not overfull([str(tmp_path)])
    (tmp_path / "deep" / "er" / "file").write_bytes(bytes(65 << 20))
    assert overfull([str(tmp_path)])


def test_too_many_files_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("reward_servers.sandbox.worker.referee.disk._FILES", 3)
    for name in "abcd":
        assert not overfull([str(tmp_path)])
        (tmp_path / name).mkdir()
    assert overfull([str(tmp_path)])


def test_a_folder_of_any_depth_is_emptied():
    """Deeper than Python recurses; in memory where that can be had, because a disk takes seconds."""
    home = os.getcwd()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        os.chdir(folder)
        try:
            for _ in range(1100):
                os.mkdir("d" * 10)
                os.chdir("d" * 10)
        finally:
            os.chdir(home)
        closed = Path(folder, "closed")
        closed.mkdir()
        (closed / "file").write_text("")
        closed.chmod(0)
        Path(folder, "link").symlink_to("/")
        empty(folder)
        assert os.listdir(folder) == []

"""Counter-tests: a right program answers them, and what only seems right does not."""

import ast
import builtins
import unittest

import pytest

from reward_servers.sandbox.worker.inside import notes
from reward_servers.sandbox.worker.protocol import NOTE, OTHER
from reward_servers.sandbox.worker.referee.falsify import counter_tests, program_names

RIGHT = {"f": lambda x: 2 * x + 7}


class Equal:
    """Equal to everything."""

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


class Listener:
    """Takes notes as the referee does."""

    def __init__(self):
        self.held, self.failed = set(), set()

    def write(self, what, test, number, held):
        (self.held if held else self.failed).add(number)


def answers(counter, kind, names):
    """Whether the program that is `names` answers the counter-test as a right one would."""
    listener = Listener()
    notes.provide(listener, 0)
    namespace = dict(names)
    try:
        exec(compile(counter.tree, "test", "exec"), namespace)
        if kind == "check":
            namespace["check"](names["f"])
        for value in list(namespace.values()):
            if isinstance(value, type) and issubclass(value, unittest.TestCase):
                unittest.defaultTestLoader.loadTestsFromTestCase(value).run(unittest.TestResult())
        if kind == "pytest":
            namespace["test_f"]()
    finally:
        for name in (NOTE, OTHER):
            delattr(builtins, name)
    return counter.explains(listener.held, listener.failed)


RAISES = "import pytest\ndef test_f():\n    with pytest.raises({}):\n        {}\n    assert {}\n"
UNITTEST = "import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n        {}\n"
ASSERTIONS = [
    ("asserts", "x = f(1)\nassert x == 9"),
    ("asserts", "for x, y in [(1, 9), (5, 17)]:\n    assert f(x) == y"),
    ("asserts", "assert f(1) == 9 and f(2) == 11"),
    ("asserts", "assert abs(f(1) - 9) < 1e-6"),
    ("asserts", "want = [9, 17]\nassert [f(1), f(5)] == want"),
    ("check", "def check(candidate):\n    assert [candidate(x) for x in range(3)] == [7, 9, 11]"),
    ("pytest", "import pytest\ndef test_f():\n    assert f(1) == pytest.approx(9)\n"),
    ("pytest", "import pytest\ndef test_f():\n    x = f(1)\n    assert 9 == x\n"),
    ("unittest", UNITTEST.format("self.assertEqual(f(1), 9)")),
    ("unittest", UNITTEST.format("self.assertTrue(f(1) == 9)")),
    ("unittest", UNITTEST.format("self.assertListEqual([f(1)], [9])")),
]


def drawn(kind, code):
    found = [counter for seed in range(6) for counter in counter_tests(kind, code, program_names(code, "solution", "f"), seed)]
    assert found
    return found


@pytest.mark.parametrize(("kind", "code"), ASSERTIONS)
def test_a_right_program_answers_every_counter_test(kind, code):
    assert all(answers(counter, kind, RIGHT) for counter in drawn(kind, code))


@pytest.mark.parametrize(("kind", "code"), [case for case in ASSERTIONS if "abs" not in case[1]])
def test_what_is_equal_to_everything_answers_none_that_falsifies_something(kind, code):
    for seed in range(6):
        pair = counter_tests(kind, code, program_names(code, "solution", "f"), seed)
        assert not all(answers(counter, kind, {"f": lambda x: Equal()}) for counter in pair)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("asserts", "try:\n    f('x')\n    raise SystemError\nexcept TypeError:\n    pass\nassert not f(1) == 8"),
        ("asserts", "def helper(x):\n    assert f(x) > 0\nhelper(1)\nassert f(1) in (9, 10)"),
        ("asserts", "if f(1) == 9:\n    assert True\nelse:\n    assert False"),
        ("asserts", "seen = []\nassert not seen.append(f(1)) and not seen.append(f(5))\nassert seen == [9, 17]"),
        ("unittest", UNITTEST.format("pass") * 2 + UNITTEST.format("self.assertEqual(f(1), 9)")),
        ("unittest", f"{UNITTEST.format('self.assertEqual(f(1), 8)')}    def test_f(self):\n        self.assertEqual(f(1), 9)\n"),
        ("pytest", RAISES.format("TypeError", "f(None)", "f(0) is not None")),
        ("pytest", "def test_f():\n    assert f(1) == 8\n" + RAISES.format("TypeError", "f(None)", "f(0) is not None")),
        ("pytest", RAISES.format("AssertionError", "assert f(1) == 8", "f(1) == 9")),
        (
            "unittest",
            UNITTEST.format("with self.assertRaises(TypeError) as e:\n            f()\n        self.assertIsNotNone(e.exception)"),
        ),
        (
            "unittest",
            UNITTEST.format("for x in (1, 2):\n            with self.subTest():\n                self.assertGreater(f(x), 0)"),
        ),
        ("unittest", UNITTEST.format("self.assertRaises(TypeError, f, None)\n        self.assertAlmostEqual(f(0.5), 8.0)")),
    ],
)
def test_nothing_that_a_right_program_cannot_answer_is_asked(kind, code):
    assert all(answers(counter, kind, RIGHT) for counter in drawn(kind, code))


def test_an_assertion_is_falsified_once_in_a_pair():
    code = "assert f(1) == 9\nassert f(2) == 11\nx = f(3)\nassert x == 13"
    first, second = counter_tests("asserts", code, program_names(code, None, "f"), 1)
    assert first.sure == second.sure == first.false | second.false
    assert not first.false & second.false


def test_what_is_false_looks_like_what_is_true():
    code = "x = f(1)\nassert x == 9\nassert f(2) == [1, 'ab', {3: 4.5}]\nassert f(4) is True"
    shapes = set()
    for seed in range(8):
        for counter in counter_tests("asserts", code, program_names(code, None, "f"), seed):
            tree = ast.parse(ast.unparse(counter.tree))
            shapes.add(tuple(sorted(type(node).__name__ for node in ast.walk(tree) if not isinstance(node, (ast.UnaryOp, ast.Not)))))
    assert len(shapes) == 1


def test_names_of_the_program_are_known_in_a_test():
    code = "from solution import Stack\nimport math\ndef test_a():\n    s = Stack()\n    top = s.pop()\n    want = math.pi\n"
    names = program_names(code, "solution", None)
    assert {"Stack", "s", "top"} <= names
    assert not {"math", "want"} & names

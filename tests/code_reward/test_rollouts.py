"""Which turn of a rollout is judged."""

import pytest

from code_reward.rollouts import answer_of, answering_turn

GOOD, BROKEN, USE = "```python\ndef f():\n    return 1\n```", "```python\ndef f(:\n```", "```python\nprint(f())\n```"


@pytest.mark.parametrize(
    ("turns", "answer"),
    [
        ([], ""),
        (["hm"], "hm"),
        ([GOOD], GOOD),
        (["Let me look.", "Running it.", GOOD], GOOD),
        ([GOOD, "Done."], GOOD),
        ([GOOD, USE, "Done."], GOOD),
        ([GOOD, BROKEN, "Done."], BROKEN),
        ([BROKEN, GOOD], GOOD),
        (["Hm.", "I do not know."], "I do not know."),
    ],
)
def test_the_last_turn_that_was_meant_as_the_answer_counts(turns, answer):
    assert answer_of(turns, "f") == answer


def test_a_rollout_without_turns_has_no_answering_turn():
    with pytest.raises(ValueError, match="at least one turn"):
        answering_turn([])

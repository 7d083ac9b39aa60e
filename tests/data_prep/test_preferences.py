"""Published preference data as pairs: every form of row, every reason for none, and files as they come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.cli import run
from code_reward.errors import DataError
from code_reward.reward_data import Pair
from code_reward.rows import read_rows
from data_prep.preferences import LEFT_OUT, account, read_preferences, settle
from data_prep.preferences.__main__ import Preferences, main
from data_prep.preferences.conversations import exchange_in
from data_prep.preferences.reading import pair_of, preferences_in

ASKED = "Write double(x), which returns twice x."
RIGHT, WRONG = "def double(x):\n    return 2 * x", "def double(x):\n    return x * x"
GOOD, BAD = (f"Here it is.\n\n```python\n{program}\n```\nThat is all." for program in (RIGHT, WRONG))


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


FORMS = {
    "CodeScalerPair": {"question_id": 3, "question_content": ASKED, "code_pos": GOOD, "code_neg": BAD},
    "AceCodePair": {"id": 0, "instruction": ASKED, "input": "", "chosen": GOOD, "rejected": BAD},
    "texts": {"prompt": ASKED, "chosen": GOOD, "rejected": BAD},
    "prompt in the template": {
        "prompt": f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n",
        "chosen": GOOD,
        "rejected": BAD,
    },
    "messages apart": {
        "prompt": [turn("system", "Be brief."), turn("user", ASKED)],
        "chosen": [turn("assistant", GOOD)],
        "rejected": [turn("assistant", BAD)],
    },
    "prompt and whole conversations": {
        "prompt": ASKED,
        "chosen": [turn("user", ASKED), turn("assistant", GOOD)],
        "rejected": [turn("user", ASKED), turn("assistant", BAD)],
    },
    "Skywork": {
        "chosen": [turn("user", ASKED), turn("assistant", GOOD)],
        "rejected": [turn("user", ASKED), turn("assistant", BAD)],
        "source": "magpie",
    },
}


def write(path, rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def outcomes(path, rows) -> list[Pair | str]:
    write(path, rows)
    return settle(read_preferences([path]))


@pytest.mark.parametrize("row", FORMS.values(), ids=FORMS)
def test_every_form_of_row_is_the_same_pair(row, tmp_path):
    (pair,) = outcomes(tmp_path / "rows.jsonl", [row])
    assert isinstance(pair, Pair), pair
    assert (pair.statement, pair.chosen, pair.rejected) == (ASKED, RIGHT, WRONG)
    assert (pair.model_extra or pair.model_dump())["chosen_response"] == GOOD


def test_one_problem_has_one_name_in_whatever_file_it_stands(tmp_path):
    found = [outcomes(tmp_path / "rows.jsonl", [row])[0] for row in FORMS.values()]
    assert len({pair.problem_id for pair in found}) == 1
    assert {pair.group for pair in found} == {"CodeScalerPair", "AceCodePair", "preferences", "magpie"}


def test_the_hubs_own_parquet_is_read(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([FORMS["Skywork"]] * 2), tmp_path / "train.parquet")
    first, second = settle(read_preferences([tmp_path / "train.parquet"], workers=2))
    assert isinstance(first, Pair)
    assert second == "repeated"


def test_an_answer_that_is_its_program_is_not_kept_twice(tmp_path):
    row = FORMS["texts"] | {"chosen": f"```python\n{RIGHT}\n```", "rejected": WRONG}
    (pair,) = outcomes(tmp_path / "rows.jsonl", [row])
    assert (pair.chosen, pair.rejected) == (RIGHT, WRONG)
    assert {(pair.model_extra or pair.model_dump())[f"{side}_response"] for side in ("chosen", "rejected")} == {""}


def test_further_input_goes_on_from_the_instruction(tmp_path):
    (pair,) = outcomes(tmp_path / "rows.jsonl", [FORMS["AceCodePair"] | {"input": "Use addition."}])
    assert pair.statement == f"{ASKED}\nUse addition."


def test_twins_are_programs_under_their_task(tmp_path):
    prompt = 'def double(x):\n    """Twice x.\n\n    ```\n    double(1)\n    ```\n    """\n'
    row = {
        "task_id": "Python/7",
        "prompt": prompt,
        "entry_point": "double",
        "canonical_solution": "    return 2 * x\n",
        "buggy_solution": "    return x * x\n",
        "bug_type": "operator misuse",
        "failure_symptoms": "incorrect output",
        "test": "assert double(2) == 4",
    }
    (pair,) = outcomes(tmp_path / "rows.jsonl", [row])
    assert (pair.problem_id, pair.entry_point, pair.origin) == ("Python/7", "double", "mutant")
    assert (pair.chosen, pair.rejected) == (prompt + "    return 2 * x\n", prompt + "    return x * x\n")
    assert outcomes(tmp_path / "rows.jsonl", [row | {"buggy_solution": "  return ("}]) == ["rejected_does_not_parse"]


SAME_IN_WORDS = "In other words:\n```python\n" + RIGHT + "\n```"
LEFT_OUT_ROWS = {
    "no_statement": {"prompt": " "},
    "no_answer": {"chosen": None},
    "several_turns": {"prompt": [turn("user", ASKED), turn("assistant", BAD), turn("user", "No.")]},
    "chosen_no_code": {"chosen": "Multiply it by two."},
    "rejected_truncated": {"rejected": "```python\ndef double(x):"},
    "rejected_does_not_parse": {"rejected": "```python\ndef double(x) return\n```"},
    "rejected_trivial": {"rejected": "```python\npass\n```"},
    "same_program": {"rejected": SAME_IN_WORDS},
}


@pytest.mark.parametrize("reason", LEFT_OUT_ROWS)
def test_a_row_that_gives_no_pair_says_why(reason, tmp_path):
    assert outcomes(tmp_path / "rows.jsonl", [FORMS["texts"] | LEFT_OUT_ROWS[reason]]) == [reason]


def test_answers_to_different_problems_are_no_preference():
    assert exchange_in(ASKED, [turn("user", "Another."), turn("assistant", GOOD)]) == "several_turns"
    assert exchange_in(None, [turn("user", ASKED)]) == "no_answer"


def test_of_two_rows_that_contradict_each_other_neither_is_used(tmp_path):
    row, other = FORMS["texts"], FORMS["texts"] | {"prompt": "Another problem."}
    swapped = row | {"chosen": BAD, "rejected": GOOD}
    found = outcomes(tmp_path / "rows.jsonl", [row, other, swapped, row, swapped])
    assert [outcome.statement for outcome in found if isinstance(outcome, Pair)] == ["Another problem."]
    assert found[0] == found[2] == "contradicted"


def test_every_row_is_accounted_for(tmp_path):
    rows = [FORMS["texts"] | change for change in ({}, *LEFT_OUT_ROWS.values())]
    found = account(outcomes(tmp_path / "rows.jsonl", rows))
    assert (found.rows, found.pairs, found.left_out) == (len(rows), 1, dict.fromkeys(LEFT_OUT_ROWS, 1))
    assert [line.split(" ", 2)[:2] for line in found.lines()] == [["1", f"{reason}:"] for reason in LEFT_OUT_ROWS]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        (
            '{"question": "q", "answer": "a"}\n',
            "has the columns answer, question; rename them to one of: code_neg,",
        ),
        ('{"prompt": "q", "chosen": "a", "rejected": "b"}\n{"prompt": "q", "chosen": "a"}\n', "row 2: no column rejected"),
        ('{"prompt": "q", "chosen": ["a"], "rejected": ["b"]}\n', "row 1: neither text nor messages"),
        ('{"prompt": "q", "chosen": 1, "rejected": 2}\n', "row 1: neither text nor messages"),
        ('["a"]\n', "row 1"),
    ],
)
def test_a_file_that_is_no_preference_data_is_refused_in_one_sentence(text, said, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(DataError) as refused:
        list(preferences_in(path))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_command_writes_pairs_and_their_account(tmp_path, capsys):
    write(tmp_path / "rows.jsonl", [FORMS["Skywork"], FORMS["Skywork"]])
    main(Preferences(paths=[tmp_path / "rows.jsonl"], out=tmp_path / "pairs.parquet"))
    (pair,) = read_rows(tmp_path / "pairs.parquet", Pair)
    assert pair.chosen == RIGHT
    assert json.loads((tmp_path / "pairs.parquet.report.json").read_text())["left_out"] == {"repeated": 1}
    assert "1 repeated: " + LEFT_OUT["repeated"] in capsys.readouterr().out


def test_a_file_without_one_pair_is_an_error_and_writes_nothing(tmp_path, capsys):
    write(tmp_path / "rows.jsonl", [FORMS["texts"] | LEFT_OUT_ROWS["chosen_no_code"]])
    with pytest.raises(SystemExit) as stopped:
        run(Preferences, main, [str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "pairs.jsonl")])
    assert stopped.value.code == 2
    assert "None of the 1 rows gives a pair: 1 chosen_no_code" in capsys.readouterr().err
    assert not (tmp_path / "pairs.jsonl").exists()


def test_every_published_twin_is_a_pair(real_data):
    found = account(settle(read_preferences([real_data / "pairs" / "humanevalpack_python.jsonl"])))
    assert (found.pairs, found.left_out, found.groups) == (164, {}, {"HumanEvalPack": 164})


talk = st.text() | st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool"]), "content": st.text()}), max_size=4
)


@given(prompt=talk, chosen=talk, rejected=talk)
def test_any_text_becomes_a_pair_or_a_reason(prompt, chosen, rejected):
    from data_prep.preferences.forms import form_of

    row = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    outcome = pair_of(form_of(row).read(row))
    assert isinstance(outcome, Pair) or outcome in LEFT_OUT

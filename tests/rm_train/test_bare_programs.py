"""Training and evaluation encode a program as serving encodes the answer that holds it, whichever part of it a preset reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_policy import pair, right, statement, wrong
from tiny_rm import build_rm

from code_reward.bare_programs import read_of
from code_reward.extraction import extract_code
from code_reward.reference import Reference
from code_reward.reward_data import LabelledProgram, Prefix
from code_reward.rm_input import PRESETS, Encoded, RMInput
from code_reward.rows import write_rows
from reward_servers.scorer import Scorer
from rm_train.encoding import encode
from rm_train.examples import PAIRS, PREFIXES, Kind
from rm_train.measure import score_programs
from rm_train.settings import Train
from rm_train.train import main

by_preset = pytest.mark.parametrize("preset", ["default", "generic"])


@given(st.lists(st.text("`~ax \t", max_size=12), max_size=5))
def test_the_answer_that_is_read_holds_the_program_whatever_fences_stand_in_it(lines: list[str]) -> None:
    program = '"""\n{}\n"""\nvalue = 1'.format("\n".join(lines))
    answer = read_of(program, PRESETS.get("generic"))
    assert extract_code(answer).code == program


def served(rm_input: RMInput, program: str) -> list[int]:
    encoded = rm_input.build(statement(1), f"```python\n{program}\n```\n", "shift")
    assert isinstance(encoded, Encoded)
    return encoded.ids


def inputs(kind: Kind, rows: list[Any], rm_input: RMInput) -> list[list[int]]:
    """What training reads of rows, example by example."""
    data = encode(kind.convert_all(rows, rm_input.settings, "rows"), rm_input)
    return [data.input(number).tolist() for number in data.examples.flatten()]


@by_preset
def test_pairs_are_trained_on_as_they_are_served(policy_dir: Path, preset: str) -> None:
    rm_input = RMInput.load(policy_dir, PRESETS.get(preset))
    assert inputs(PAIRS, [pair(1)], rm_input) == [served(rm_input, right(1)), served(rm_input, wrong(1))]


@by_preset
def test_prefixes_are_the_beginnings_of_what_is_served(policy_dir: Path, preset: str) -> None:
    rm_input = RMInput.load(policy_dir, PRESETS.get(preset))
    row = {"problem_id": "p1", "statement": statement(1), "value": 1.0, "visits": 1}
    head, said = "def shift(n):", "Add it.\n```python\n"
    rows = [
        {"program": right(1), "complete": True},
        {"program": head, "complete": False},
        {"program": head, "complete": False, "response": said + head},
    ]
    found = inputs(PREFIXES, [Prefix.model_validate({**row, **one}) for one in rows], rm_input)
    seen = [head, head] if preset == "default" else [f"```python\n{head}", said + head]
    encoded = [rm_input.encode(statement(1), text) for text in seen]
    assert found == [served(rm_input, right(1)), *(one.ids for one in encoded if isinstance(one, Encoded))]


@by_preset
def test_pairs_of_beginnings_read_what_the_policy_had_written_so_far(policy_dir: Path, preset: str) -> None:
    rm_input = RMInput.load(policy_dir, PRESETS.get(preset))
    head, other, said = "def shift(n):", "def shift(m):", "Add it.\n```python\n"
    begun = pair(1, chosen=head, chosen_complete=False, chosen_response=said + head, rejected=other, rejected_complete=False)
    seen = [head, other] if preset == "default" else [said + head, f"```python\n{other}"]
    encoded = [rm_input.encode(statement(1), text) for text in seen]
    assert inputs(PAIRS, [begun], rm_input) == [one.ids for one in encoded if isinstance(one, Encoded)]


@by_preset
def test_evaluation_gives_the_scores_that_a_server_gives(tmp_path: Path, preset: str) -> None:
    model = build_rm(tmp_path / "rm", num_hidden_layers=1)
    rm_input = RMInput.load(model, PRESETS.get(preset).model_copy(update={"max_tokens": 512}))
    rm_input.save(model)
    programs = [right(1), wrong(1)]
    rows = [LabelledProgram(problem_id="p1", statement=statement(1), program=program, passed=program == right(1)) for program in programs]
    direct = Scorer(model).score([served(rm_input, program) for program in programs])
    assert [row.score for row in score_programs(model, rows)] == pytest.approx(direct, abs=1e-5)


@by_preset
def test_the_reference_scores_are_of_what_is_served(policy_dir: Path, tmp_path: Path, preset: str) -> None:
    write_rows(tmp_path / "pairs.jsonl", [pair(1)])
    main(Train(pairs=tmp_path / "pairs.jsonl", init=policy_dir, out=tmp_path / "rm", preset=preset))
    rm_input = RMInput.load(tmp_path / "rm")
    assert [item.ids for item in Reference.load(tmp_path / "rm").items] == [served(rm_input, right(1)), served(rm_input, wrong(1))]

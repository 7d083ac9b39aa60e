"""From problems to a test generator that is trained, served and asked, with real components, at the size that shows only that it works."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from code_reward.rows import read_rows
from code_reward.selection import load_matrices
from data_prep.unit_tests.sample import TestSample

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.integration
@pytest.mark.timeout(1800)
def test_a_tiny_generator_is_trained_served_and_asked_for_tests(tmp_path):
    sizes = {"BASE": "4", "PROBLEMS": "4", "EPOCHS": "1", "TASKS": "2", "SAMPLES": "2"}
    environment = os.environ | sizes | {"FOLDER": str(tmp_path), "PYTHON": sys.executable}
    command = [str(ROOT / "scripts" / "train_test_generator.sh")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    samples = read_rows(tmp_path / "tests.jsonl", TestSample)
    assert len(samples) == 4
    assert all(sample.tests or sample.reason for sample in samples)
    assert not [sample.reason for sample in samples if sample.reason.startswith("llm_")], "the served generator answered"
    calls = [json.loads(line) for line in (tmp_path / "tests.jsonl.calls.jsonl").read_text().splitlines()]
    assert len({call["value"]["text"] for call in calls}) == 4, "each of them was drawn, not the likeliest taken again"
    assert len(load_matrices(tmp_path / "matrices.jsonl")) == 2
    assert "Generated tests of 2 problems" in done.stdout
    again = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert again.returncode == 0, again.stderr
    assert "==" not in again.stdout, "a second run does nothing again"


def test_help_starts_nothing_and_an_option_is_refused(tmp_path):
    environment = os.environ | {"FOLDER": str(tmp_path / "made"), "PYTHON": "/nowhere"}
    script = str(ROOT / "scripts" / "train_test_generator.sh")
    help_, wrong = (
        subprocess.run([script, option], capture_output=True, text=True, check=False, env=environment) for option in ("--help", "--epochs")
    )
    assert (help_.returncode, wrong.returncode) == (0, 2)
    assert "EPOCHS" in help_.stdout
    assert "--help names the variables" in wrong.stderr
    assert not (tmp_path / "made").exists()

"""The prepared GPU benchmark, as far as a CPU can try it: tiny models, every part but serving, and what becomes of a part that fails."""

from __future__ import annotations

import json

import pytest
import torch

from scripts.bench_gpu import attention, exporting, part, step
from scripts.bench_gpu.__main__ import BenchGPU, main, table
from scripts.bench_gpu.models import config, problems


def test_flex_attention_is_held_against_sdpa(tmp_path):
    figures = attention.measure("tiny", tmp_path)
    assert figures["tokens"] == 512
    assert figures["largest_difference_forward"] < 1e-5


def test_shared_rows_and_inputs_alone_are_the_same_step(tmp_path):
    figures = step.measure("tiny", tmp_path)
    assert figures["shared_loss"] == pytest.approx(figures["alone_loss"], abs=1e-5)
    assert figures["tokens"] > figures["longest_row"]


def test_the_export_is_held_against_the_scores_of_training_and_cleared_away(tmp_path):
    figures = exporting.measure("tiny", tmp_path)
    assert 0 < figures["largest_difference"] < figures["tolerance_of_bfloat16"]
    assert not (tmp_path / "export").exists()


def test_programs_of_a_problem_share_its_statement():
    first, second = problems(1, 2, tiny=True)[0]
    assert (first[:40] == second[:40]).all()


def test_the_sizes_are_those_that_they_are_called_by():
    from transformers import AutoModelForSequenceClassification

    for size, parameters in (("1.7b", 1.72e9), ("4b", 4.02e9)):
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(config(size))
        assert sum(one.numel() for one in model.parameters()) == pytest.approx(parameters, rel=0.01)


def test_a_part_without_a_gpu_is_an_error_and_no_figure(tmp_path, capsys):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert main(BenchGPU(out=tmp_path / "gpu.json", parts=["attention"])) == 1
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["attention"] == {"error": "there is no GPU here; --tiny tries the command on a CPU"}
    assert "| attention: error | there is no GPU here" in capsys.readouterr().out


def test_parts_for_which_no_time_is_left_are_named(tmp_path, capsys):
    assert main(BenchGPU(out=tmp_path / "gpu.json", minutes=1e-9, tiny=True)) == 1
    assert capsys.readouterr().out.count("no time was left") == len(part.PARTS)


def test_tiny_figures_are_marked():
    assert "TINY MODELS" in table({"machine": {"device": "d", "torch": "t"}, "tiny": True})

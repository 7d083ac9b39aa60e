import pytest
from tiny_policy import build_policy

from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows, write_rows
from data_prep.unit_tests.probe import PredictedRate, ProbeTraining, fit, main, pass_rates

torch = pytest.importorskip("torch")


def rows(problems, right=lambda number, index: index < number % 5):
    return [
        LabelledProgram(problem_id=f"p{number}", statement=f"Task {number}.", program=f"x = {index}", passed=right(number, index))
        for number in range(problems)
        for index in range(4)
    ]


def test_pass_rates_are_those_of_the_candidates():
    assert pass_rates(rows(3))["p2"] == ("Task 2.", 0.5)


def test_the_probe_learns_soft_rates():
    states = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))
    rates = torch.sigmoid(states[:, 0])
    probe = fit(states, rates, epochs=300, learning_rate=3e-3, seed=0)
    with torch.inference_mode():
        error = (torch.sigmoid(probe(states)) - rates).abs().mean()
    assert error < 0.05


def test_the_command_predicts_every_problem_by_a_probe_that_has_not_seen_it(tmp_path, capsys):
    write_rows(tmp_path / "labelled.jsonl", rows(20))
    model = build_policy(tmp_path / "policy")
    paths = {"labelled": tmp_path / "labelled.jsonl", "model": model, "out": tmp_path / "rates.jsonl"}
    main(ProbeTraining(**paths, epochs=5, _cli_parse_args=False))
    predicted = read_rows(tmp_path / "rates.jsonl", PredictedRate)
    assert [row.problem_id for row in predicted] == [f"p{number}" for number in range(20)]
    assert all(0 < row.rate < 1 for row in predicted)
    assert "20 problems; mean error" in capsys.readouterr().out
    with pytest.raises(DataError, match="too few"):
        main(ProbeTraining(**paths, folds=15, _cli_parse_args=False))

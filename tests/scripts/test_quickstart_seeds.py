"""Several seeds side by side: what stands in each run's figures, its mean and its range."""

import pytest

from code_reward.errors import DataError
from code_reward.figure import Figure
from rm_train.figures import Evaluation
from scripts.quickstart.figures import Arm, Figures, Samples
from scripts.quickstart.seeds import Seeds, main


def figure(value):
    return Figure(value=value, low=value - 0.01, high=value + 0.01)


def write(folder, seed, gains, syntax):
    """A run that gained so much with each reward."""
    judged = Evaluation(problems=2, right=2, wrong=2, pair_accuracy=figure(0.9), auc=figure(0.8), ece=0.01)
    folder.mkdir()
    figures = Figures(
        seed=seed,
        problems={"known": 2, "held_out": 2},
        before={"known": figure(0.3), "held_out": figure(0.2)},
        arms=[Arm(arm=name, part="known", after=figure(0.3 + gain), gain=figure(gain)) for name, gain in gains.items()],
        over={name: {"syntax": figure(gain - syntax)} for name, gain in gains.items()} if syntax is not None else {},
        samples={"before": Samples(unparsable=figure(0.04), distinct=figure(5.0))},
        reward_model={"known": {"all": judged}},
        seconds={"base": 100.0, "rl": 50.0},
        peak_mb={"base": 900.0},
    )
    (folder / "figures.json").write_text(figures.model_dump_json())
    return folder


def test_gains_stand_by_seed_with_their_mean_and_range(tmp_path, capsys):
    runs = [
        write(tmp_path / "b", 1, {"rm": 0.1, "oracle": 0.2}, 0.05),
        write(tmp_path / "a", 0, {"rm": 0.3}, None),
    ]
    main(Seeds(runs=runs))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert lines[0] == ["", "seed 0", "seed 1"]
    assert ["parse before, %", "96.0", "96.0"] in lines
    assert ["reward model", "+30.0 [29.0, 31.0]", "+10.0 [9.0, 11.0]", "+20.0 (+10.0 to +30.0)"] in lines
    assert ["the tests themselves", "", "+20.0 [19.0, 21.0]", "+20.0 (+20.0 to +20.0)"] in lines
    assert ["reward model", "", "+5.0 [4.0, 6.0]", "+5.0 (+5.0 to +5.0)"] in lines


def test_a_run_that_has_not_ended_and_one_of_another_version_are_one_sentence_each(tmp_path):
    with pytest.raises(DataError, match="give the folder of a quickstart that has ended"):
        main(Seeds(runs=[tmp_path]))
    (tmp_path / "figures.json").write_text('{"seed": 0}')
    with pytest.raises(DataError, match="run it again"):
        main(Seeds(runs=[tmp_path]))

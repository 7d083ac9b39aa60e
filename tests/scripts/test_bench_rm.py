"""The ways that `make bench-rm` compares compute the same: their losses are equal, step by step."""

from __future__ import annotations

import json

import pytest
from tiny_policy import build_policy

from code_reward.errors import CodeRewardError
from code_reward.reward_data import Pair
from code_reward.rows import write_rows
from scripts.bench_rm.__main__ import main
from scripts.bench_rm.kills import Kills
from scripts.bench_rm.kills import main as kill
from scripts.bench_rm.settings import Bench


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    policy = build_policy(folder / "policy")
    pairs = [
        Pair(problem_id=f"p{number // 4}", statement=f"Add {number // 4}.", chosen=f"x = {number}", rejected=f"y = {'1' * number}")
        for number in range(12)
    ]
    write_rows(folder / "pairs.parquet", pairs)
    return Bench(model=policy, data=folder / "pairs.parquet", out=folder / "out.json", ways=["shared", "alone", "trl"], batch_size=4)


def test_rows_that_inputs_share_rows_alone_and_trl_have_the_same_losses(settings: Bench) -> None:
    main(settings)
    found = json.loads(settings.out.read_text())
    assert [found[way]["examples"] for way in settings.ways] == [12, 12, 12]
    assert found["shared"]["tokens"] < found["alone"]["tokens"] < found["trl"]["tokens"]
    assert found["shared"]["padding"] == 0 < found["trl"]["padding"]
    assert len(found["trl"]["losses"]) == 3
    for way in ("alone", "trl"):
        assert found[way]["losses"] == pytest.approx(found["shared"]["losses"], abs=1e-3)


def test_figures_of_other_settings_are_not_mixed(settings: Bench) -> None:
    settings.out.write_text(json.dumps({"asked": {}}))
    with pytest.raises(CodeRewardError, match="name another --out"):
        main(settings)


def test_what_trl_cannot_do_is_said_before_anything_is_measured(settings: Bench) -> None:
    with pytest.raises(CodeRewardError, match="TRL trains on pairs alone"):
        main(settings.model_copy(update={"kind": "prefixes"}))


def test_a_folder_that_holds_something_is_no_place_for_trainings_to_be_killed(settings: Bench) -> None:
    with pytest.raises(CodeRewardError, match="give an empty folder"):
        kill(Kills(init=settings.model, pairs=settings.data, work=settings.model))

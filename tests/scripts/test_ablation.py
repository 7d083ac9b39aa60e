"""Tests of the ablation: its commands can be given, and its report says what its files say."""

import importlib
from pathlib import Path

import pytest

from code_reward.cli import Command
from code_reward.figure import Figure
from code_reward.files import write_text
from code_reward.reward_data import Pair
from code_reward.rows import write_rows
from data_prep.families import generate
from data_prep.judges import Judgement
from data_prep.search import OfflinePolicy
from data_prep.search.run import Run, Setup
from data_prep.search.session import make_recipe
from rm_train.figures import Evaluation
from scripts.ablation.__main__ import main
from scripts.ablation.report import interval, write_report
from scripts.ablation.settings import Ablation
from scripts.ablation.stages import ARMS, arms, common, of_seed


def settings(tmp_path: Path, **changes: object) -> Ablation:
    return Ablation(out=tmp_path, seeds=2, _cli_parse_args=False, **changes)


@pytest.mark.parametrize("endpoints", [None, Path("endpoints.yaml")])
def test_every_command_can_be_given(tmp_path: Path, endpoints: Path | None) -> None:
    chosen = settings(tmp_path, endpoints=endpoints)
    for stage in [*common(chosen), *of_seed(chosen, 1)]:
        for module, *arguments in (command.words for command in stage.commands):
            try:
                found = importlib.import_module(f"{module}.__main__")
            except ModuleNotFoundError:
                found = importlib.import_module(module)
            commands = [one for one in vars(found).values() if isinstance(one, type) and issubclass(one, Command)]
            assert any(accepts(one, arguments) for one in commands), (module, arguments)
    assert ("no_traces" in arms(chosen)) == (endpoints is not None)


def accepts(command: type[Command], arguments: list[str]) -> bool:
    try:
        return bool(command(_cli_parse_args=arguments, _cli_exit_on_error=False))
    except Exception:
        return False


def test_independent_samples_never_go_below_the_root(tmp_path: Path) -> None:
    options = ARMS["independent"].search.format(rollouts=10).split()
    recipe = make_recipe("default", [*options[1::2], "settled_after=0"])

    class Judge:
        async def open(self, problem: object, scope: object) -> "Judge":
            return self

        async def judge(self, program: str, suffix: str, scope: object) -> Judgement:
            return Judgement(correctness=len(program) % 5 / 4)

    import asyncio

    async def grow() -> list[str]:
        started: list[str] = []
        with Run(tmp_path / "run", Setup(recipe=recipe, policy="offline", judge="length")) as run:
            await run.grow_all(
                generate(3, seed=0), OfflinePolicy(recipe), Judge(), done=lambda tree: started.extend(one.action for one in tree.rollouts)
            )
        return started

    assert asyncio.run(grow()) == ["start"] * 30


def test_an_interval_is_paired_and_student_s() -> None:
    assert interval([0.1, 0.1, 0.1, 0.1, 0.1]) == "+0.100 [+0.100, +0.100]"
    assert interval([0.0, 0.02, 0.04, -0.02, 0.06]) == "+0.020 [-0.019, +0.059]"


async def test_the_report_compares_each_arm_with_independent_samples(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    recipe = make_recipe("default", ["rollouts=3"])

    class Judge:
        async def open(self, problem: object, scope: object) -> "Judge":
            return self

        async def judge(self, program: str, suffix: str, scope: object) -> Judgement:
            return Judgement(correctness=1.0)

    for seed in range(2):
        for number, name in enumerate(arms(chosen)):
            folder = tmp_path / f"seed{seed}"
            if not ARMS[name].trees:
                with Run(folder / f"{name}.trees", Setup(recipe=recipe, policy="offline", judge="x")) as run:
                    await run.grow_all(generate(2, seed=0), OfflinePolicy(recipe), Judge())
            pairs = [Pair(problem_id="p", statement="s", chosen="a", rejected="b")]
            write_rows(folder / f"{name}.data" / "pairs.train.parquet", pairs)
            figure = Figure(value=0.5 + 0.1 * number, low=0, high=1)
            result = Evaluation(problems=2, right=2, wrong=2, pair_accuracy=figure, auc=figure, ece=0.1)
            write_text(folder / f"{name}.json", f'{{"all": {result.model_dump_json()}}}')
    text = write_report(chosen).read_text()
    assert "| independent samples | 6 | 100% | 1 | 0.500 |" in text
    assert "| tree search | 6 | 100% | 1 | 0.600 |  |  | +0.100 [+0.100, +0.100] |" in text
    assert text.count("[") == len(arms(chosen)) - 1


def test_a_seed_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="count from 0"):
        main(settings(tmp_path, only=2))

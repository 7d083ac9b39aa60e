"""A third party's package, installed as pip installs it, is used by name in the settings."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from code_reward_slime.rewards import model_reward
from code_reward_slime.settings import read_settings
from slime_samples import make_args, make_sample

from code_reward import plugins
from code_reward.errors import ConfigurationError
from code_reward.rm_input import PRESETS
from data_prep.sources import load

PACKAGE = Path(__file__).parent / "lab_package"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the package in it, and the metadata that pip writes."""
    pytest.importorskip("setuptools", reason="setuptools is not installed, so the example package cannot be built")
    folder = tmp_path_factory.mktemp("site")
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "lab")
    offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def installed(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site))
    plugins.forget()
    yield
    plugins.forget()


def test_without_the_package_its_name_is_unknown():
    with pytest.raises(ConfigurationError, match="Unknown shaping 'lab-atan'"):
        read_settings(make_args(code_reward_shaping="lab-atan"))


async def test_its_shaping_makes_the_rewards(installed, settings):
    args = make_args(**settings, code_reward_shaping="lab-atan")
    sample = make_sample(1)
    assert await model_reward(args, [sample, make_sample(1, response="no")]) == [
        math.atan(sample.metadata["code_reward"]["score"]),
        -2.0,
    ]


def test_its_rm_input_and_its_problem_source_are_found(installed, tmp_path):
    assert PRESETS.get("lab-short").max_tokens == 128
    (tmp_path / "tasks.txt").write_text("Add.\nSubtract.\n")
    assert [problem.statement for problem in load("lab-lines", tmp_path / "tasks.txt")] == ["Add.", "Subtract."]

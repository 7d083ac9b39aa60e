"""The installed command `code-reward`: what it lists, what it starts, what it says of a word that it does not know."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from code_reward.cli import Command
from code_reward_commands import __main__ as front
from code_reward_commands.__main__ import STARTS
from code_reward_commands.catalogue import MODULES, SUBCOMMANDS, overview

ROOT = Path(__file__).parents[2]
tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")


def run(monkeypatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["code-reward", *words])
    try:
        front.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_installed_command_is_this_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"code-reward": "code_reward_commands.__main__:main"}


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_it_lists_every_command_with_one_line(monkeypatch, capsys, words):
    assert run(monkeypatch, *words) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: code-reward ")
    for name, line in [*SUBCOMMANDS.items(), *(pair for stage in MODULES.values() for pair in stage.items())]:
        assert any(name in text.split() and text.endswith(line) for text in shown.splitlines()), name


def test_no_command_of_the_project_is_left_out():
    tests = importlib.import_module("test_imports") if "test_imports" in sys.modules else _test_imports()
    known = {name for stage in MODULES.values() for name in stage}
    ours = {name for name in tests.commands() if not name.startswith(("code_reward_commands", "code_reward_view"))}
    # `launch` takes the options of slime's script, not ours, so it is no `Command`.
    assert known - {"slime_on_cpu.launch"} == ours


def test_every_option_of_every_command_says_what_it_is():
    _import_all()
    commands = [one for one in _subclasses(Command) if not one.__module__.startswith(("test_", "tests"))]
    assert len(commands) > len(SUBCOMMANDS) + 40
    mute = [f"{one.__module__}: --{option}" for one in commands for option, field in one.model_fields.items() if not field.description]
    assert mute == []


def test_help_names_every_built_in_choice_where_a_name_is_asked_for():
    from code_reward import rm_input, shaping
    from data_prep.search import RECIPES

    _import_all()
    choices = {"shaping": shaping.PRESETS.built_in, "preset": rm_input.PRESETS.built_in, "recipe": RECIPES}
    for command in _subclasses(Command):
        for option, field in command.model_fields.items():
            # The choices of a literal type are in the help by themselves.
            if option in choices and "Literal" not in str(field.annotation):
                words = re.findall(r"[\w-]+", field.description)
                assert set(choices[option]) <= set(words), f"{command.__module__}: --{option}"


def test_the_guides_name_every_built_in_preset_and_recipe():
    from code_reward.rm_input import PRESETS
    from data_prep.search import RECIPES as SEARCHES
    from rm_train.recipes import RECIPES

    for guide, names in (("serving", PRESETS.built_in), ("reward_data", SEARCHES), ("rm_training", RECIPES)):
        text = (ROOT / "docs" / f"{guide}.md").read_text()
        assert [name for name in names if not re.search(rf"[` ]{re.escape(name)}`", text)] == [], guide


def _import_all():
    for name in [name for stage in MODULES.values() for name in stage if name != "slime_on_cpu.launch"]:
        spec = importlib.util.find_spec(name)
        importlib.import_module(f"{name}.__main__" if spec.submodule_search_locations else name)
    for name in STARTS.values():
        importlib.import_module(name)


def _subclasses(base):
    return [found for one in base.__subclasses__() for found in (one, *_subclasses(one))]


def _test_imports():
    spec = importlib.util.spec_from_file_location("test_imports", ROOT / "tests" / "test_imports.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lines_fit_a_terminal():
    assert max(map(len, overview().splitlines())) <= 110


@pytest.mark.parametrize("word", SUBCOMMANDS)
def test_the_help_of_a_subcommand_calls_it_by_its_name(monkeypatch, capsys, word):
    assert run(monkeypatch, word, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: code-reward {word} ")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("scores", "did you mean code-reward score?"),
        ("label", "runs as python -m data_prep.label"),
        ("rm_train.train", "runs as python -m rm_train.train"),
        ("nurse", "there is no 'nurse'; code-reward alone lists all there are."),
    ],
)
def test_an_unknown_word_is_refused_with_what_was_meant(monkeypatch, capsys, word, said):
    assert run(monkeypatch, word) == 2
    assert said in capsys.readouterr().err


def test_the_doctor_looks_at_what_is_installed(monkeypatch, capsys):
    """Whatever this environment holds, there is a row for it, and the exit status says whether one failed."""
    status = run(monkeypatch, "doctor")
    shown = capsys.readouterr().out
    assert " versions " in shown
    assert status == int("failed" in shown)

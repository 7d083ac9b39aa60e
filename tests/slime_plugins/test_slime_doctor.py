"""The installed command `code-reward`."""

import importlib
import sys
from pathlib import Path

import pytest
from code_reward_slime import doctor

tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")


def run(monkeypatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["code-reward", *words])
    with pytest.raises(SystemExit) as end:
        doctor.main()
    return end.value.code


def test_the_installed_command_is_this_one():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"code-reward": "code_reward_slime.doctor:main"}


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_it_says_what_it_can(monkeypatch, capsys, words):
    assert run(monkeypatch, *words) == 0
    assert "code-reward doctor" in capsys.readouterr().out


def test_its_help_calls_it_by_its_name(monkeypatch, capsys):
    assert run(monkeypatch, "doctor", "--help") == 0
    assert capsys.readouterr().out.startswith("usage: code-reward doctor ")


def test_an_unknown_word_is_refused(monkeypatch, capsys):
    assert run(monkeypatch, "nurse") == 2
    assert "there is no 'nurse'" in capsys.readouterr().err


def test_the_doctor_looks_at_what_is_installed(monkeypatch, capsys):
    """Whatever this environment holds, there is a row for it, and the exit status says whether one failed."""
    status = run(monkeypatch, "doctor")
    shown = capsys.readouterr().out
    assert " versions " in shown
    assert status == int("failed" in shown)

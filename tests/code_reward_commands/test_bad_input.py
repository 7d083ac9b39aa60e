"""Every command of the project with what people get wrong: one sentence, a status that is not zero, no traceback, none of pydantic's text.

Each command runs as a process of its own, most of them copied from one that has imported what is slow to import.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from forking import run_modules

from code_reward_commands.catalogue import MODULES, SUBCOMMANDS

ROOT = Path(__file__).parents[2]
ROOTS = [ROOT, *(ROOT / name for name in ("slime_plugins", "trl_plugins", "verl_plugins") if (ROOT / name).is_dir())]
PYDANTIC = re.compile(r"validation errors? for|\[type=|errors\.pydantic\.dev|input_value=")
UNKNOWN = [("python", name) for stage in MODULES.values() for name in stage if name != "slime_on_cpu.launch"]
UNKNOWN += [("code-reward", name) for name in SUBCOMMANDS]


ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, ROOTS))}


def as_module(kind: str, name: str, words: list[str], cwd: Path | None = None) -> tuple[str, list[str], Path | None]:
    return (name, words, cwd) if kind == "python" else ("code_reward_commands", [name, *words], cwd)


def run(kind: str, name: str, *words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    module, rest, _ = as_module(kind, name, list(map(str, words)))
    return subprocess.run(
        [sys.executable, "-m", module, *rest], capture_output=True, text=True, check=False, cwd=cwd, env=ENVIRONMENT, input=""
    )


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What is wrong with how a command refused, if anything."""
    if done.returncode == 0:
        return "it ended with 0"
    if "Traceback" in done.stderr:
        return f"a traceback: {done.stderr[-400:]}"
    if PYDANTIC.search(done.stderr):
        return f"pydantic's own words: {done.stderr[-400:]}"
    lines = [line for line in done.stderr.splitlines() if re.search(r"\berror: ", line)]
    return "" if len(lines) == 1 else f"{len(lines)} sentences that begin with error: {done.stderr[-400:]}"


@pytest.mark.timeout(1200)
def test_an_option_that_is_unknown_is_refused_by_every_command():
    done = run_modules([as_module(kind, name, ["--no-such-option", "1"]) for kind, name in UNKNOWN], ENVIRONMENT)
    told = {name: said for (_, name), one in zip(UNKNOWN, done, strict=True) if (said := complaint(one))}
    assert told == {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of the kinds that people hand over by mistake."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty.jsonl").write_text("")
    (folder / "torn.jsonl").write_text('{"id": "a", "stat')
    (folder / "other.jsonl").write_text(json.dumps({"question": "Add.", "completion": "x"}) + "\n")
    (folder / "wrong.jsonl").write_text(json.dumps({"id": "a", "statement": "b", "tests": [{"kind": "magic"}], "problem_id": 3}) + "\n")
    (folder / "rows.txt").write_text("{}\n")
    (folder / "endpoints.yaml").write_text("- {url: 1, modell: x}\n")
    (folder / "not.yaml").write_text("{\n")
    (folder / "problems.jsonl").write_text(json.dumps({"id": "a", "statement": "b", "reference_solution": "x = 1"}) + "\n")
    (folder / "folder").mkdir()
    return folder


WRONG = {
    "data_prep.label": ["--problems {} --candidates {} --out out.jsonl"],
    "data_prep.pairs": ["--labelled {} --out out.jsonl"],
    "data_prep.split": ["--rows {} --first a.jsonl --second b.jsonl --share 0.5"],
    "data_prep.noise": ["--problems {} --out out.jsonl"],
    "data_prep.mutants": ["--problems {} --out out.jsonl"],
    "data_prep.demonstrations": ["--problems {} --out out.jsonl"],
    "data_prep.matrices": ["--labelled {} --scores {} --out out.jsonl"],
    "data_prep.search": ["--problems {} --out run"],
    "data_prep.conversions": ["--trees {} --out out"],
    "data_prep.unit_tests.matrix": ["--labelled {} --tests {} --out out.jsonl"],
    "data_prep.unit_tests.quality": ["{}"],
    "code_reward.selection": ["{}"],
    "score": ["{} --model folder --out out.jsonl"],
    "pick": ["{} --tests problems.jsonl --out out.jsonl"],
    "view": ["{}"],
}
FILES = ["absent.jsonl", "torn.jsonl", "wrong.jsonl"]
CASES = [
    (name, line.replace("{}", file))
    for name, lines in WRONG.items()
    for line in lines
    for file in FILES
    if (name, file) != ("view", "wrong.jsonl")
]
CASES += [
    ("data_prep.label", "--problems rows.txt --candidates rows.txt --out out.jsonl"),
    ("score", "empty.jsonl --model folder"),
    ("score", "problems.jsonl --model Owner/some-model"),
    ("score", "problems.jsonl --model absent"),
    ("pick", "empty.jsonl"),
    ("view", "folder"),
    ("data_prep.search", "--problems problems.jsonl --out run --change uct"),
    ("data_prep.search", "--problems problems.jsonl --out run --change wave=many"),
    ("data_prep.search", "--problems problems.jsonl --out run --change colour=red"),
    ("data_prep.search", "--problems problems.jsonl --out run --policy llm --endpoints endpoints.yaml"),
    ("data_prep.search", "--problems problems.jsonl --out run --policy llm --endpoints not.yaml"),
    ("data_prep.search", "--problems problems.jsonl --out run --policy llm --endpoints absent.yaml"),
    ("data_prep.label", "--problems problems.jsonl --candidates problems.jsonl --out out.jsonl --cpu-seconds -1"),
    ("reward_servers.embedded", "--model Owner/some-model"),
    ("reward_servers.embedded", "--model folder --port 99999"),
    ("rm_train.adopt", "Owner/some-model --preset generic"),
    ("rm_train.evaluate", "--model Owner/some-model --labelled wrong.jsonl --out out.json"),
    ("code_reward_trl.sample", "--policy Owner/some-model --problems problems.jsonl --out out.jsonl"),
]


@pytest.mark.timeout(1200)
def test_what_people_hand_over_by_mistake_is_told_in_one_sentence(folder):
    given = [as_module("code-reward" if name in SUBCOMMANDS else "python", name, line.split(), folder) for name, line in CASES]
    done = run_modules(given, ENVIRONMENT)
    told = {f"{name} {line}": said for (name, line), one in zip(CASES, done, strict=True) if (said := complaint(one))}
    assert told == {}


def test_a_name_on_the_hub_says_how_to_get_the_folder(folder):
    done = run("code-reward", "score", "problems.jsonl", "--model", "Owner/some-model", cwd=folder)
    assert "hf download Owner/some-model --local-dir models/some-model" in done.stderr

"""Every command of the project with what people get wrong: one sentence, a status that is not zero, no traceback, none of pydantic's text.

Each command runs as a process of its own, most of them copied from one that has imported what is slow to import.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from forking import run_modules
from tiny_rm import build_rm

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
    # What was looked at before a run is a report on stdout.
    lines += [line for line in done.stdout.splitlines() if line.startswith("FAIL ")]
    return "" if len(lines) == 1 else f"{len(lines)} sentences that begin with error: {done.stderr[-400:]}"


@pytest.mark.timeout(1200)
def test_an_option_that_is_unknown_is_refused_by_every_command():
    done = run_modules([as_module(kind, name, ["--no-such-option", "1"]) for kind, name in UNKNOWN], ENVIRONMENT)
    told = {name: said for (_, name), one in zip(UNKNOWN, done, strict=True) if (said := complaint(one))}
    assert told == {}


BAD = {
    "empty.jsonl": b"",
    "torn.jsonl": b'{"id": "a", "stat',
    "binary.jsonl": bytes(range(128, 256)) * 8,
    "columns.jsonl": json.dumps({"task": "Add.", "output": "x"}).encode() + b"\n",
    "values.jsonl": json.dumps({"id": "a", "statement": "b", "tests": [{"kind": "magic"}], "problem_id": 3}).encode() + b"\n",
    "binary.parquet": b"PAR1" + bytes(64),
}
"""Files as people hand them over by mistake; beside them one that is not there, and a folder in the place of a file."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The bad files, and good ones for what else a command wants."""
    folder = tmp_path_factory.mktemp("bad")
    for name, content in BAD.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    (folder / "rows.txt").write_text("{}\n")
    (folder / "endpoints.yaml").write_text("- {url: 1, modell: x}\n")
    (folder / "not.yaml").write_text("{\n")
    (folder / "served.yaml").write_text("- {url: 'http://127.0.0.1:9/v1', model: m}\n")
    tests = [{"kind": "asserts", "code": "assert x == 1"}]
    for name, row in {
        "problems": {"id": "a", "statement": "b", "reference_solution": "x = 1", "tests": tests},
        "labelled": {"problem_id": "a", "statement": "b", "program": "x = 1", "passed": True},
        "answers": {"problem_id": "a", "statement": "b", "response": "x = 1"},
        "samples": {"problem_id": "a", "tests": [{"kind": "asserts", "code": "assert x == 1"}]},
        "pairs": {"problem_id": "a", "statement": "b", "chosen": "x = 1", "rejected": "x = 2"},
    }.items():
        (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    many = [
        {"problem_id": p, "statement": p, "program": f"x = {i}", "passed": i % 2 == 0, "correct": i % 2 == 0}
        for p in "abcd"
        for i in range(4)
    ]
    (folder / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in many))
    build_rm(folder / "rm")
    shutil.copytree(folder / "rm", folder / "torn-rm")
    (folder / "torn-rm" / "config.json").write_text("{")
    shutil.copytree(folder / "rm", folder / "torn-tokenizer")
    (folder / "torn-tokenizer" / "tokenizer.json").write_text("{")
    return folder


TAKES_MODEL = {
    "score": "answers.jsonl --model {} --out {out}/out.jsonl",
    "data_prep.difficulty": "--problems problems.jsonl --completions answers.jsonl --rm-dir {} --rm-urls http://a:1 --out {out}/out.jsonl",
    "data_prep.unit_tests.probe": "--labelled many.jsonl --model {} --out {out}/out.jsonl",
    "rm_train.train": "--pairs pairs.jsonl --init {} --recipe tiny --out {out}/run",
    "rm_train.preflight": "--pairs pairs.jsonl --init {} --out {out}/run",
    "rm_train.evaluate": "--model {} --labelled many.jsonl --out {out}/out.json",
    "rm_train.adopt": "{} --preset generic",
    "code_reward_slime.reward_model.prepare": "--init {} --pairs pairs.jsonl --out {out}/prepared",
    "reward_servers.embedded": "--model {}",
    "code_reward_trl.sft": "--data labelled.jsonl --out {out}/run --init {}",
    "code_reward_trl.sample": "--policy {} --problems problems.jsonl --out {out}/out.jsonl",
    "code_reward_trl.grpo": "--policy {} --problems problems.jsonl --prompts 1 --out {out}/run --reward tests",
    "benchmarks.reward_model": "--model {} --sets pool=many.jsonl --out {out}/run",
    "benchmarks.policy": "--model {} --sets humaneval --humaneval-file problems.jsonl --referee sandbox --out {out}/run",
}
"""What each command is told that takes a model, all of it right but the model: a name on the hub, a folder of which a file is torn."""
MODELS = ["Owner/some-model", "torn-rm", "torn-tokenizer"]
READS = {
    "score": ["{} --model rm --out {out}/out.jsonl", "answers.jsonl --problems {} --model rm --out {out}/out.jsonl"],
    "pick": ["{} --tests problems.jsonl --out {out}/out.jsonl", "answers.jsonl --tests {} --out {out}/out.jsonl"],
    "rescore": ["{} --tests --out {out}/run"],
    "view": ["{} --save {out}/page.html"],
    "data_prep.sources": ["humaneval {} --out {out}/out.jsonl", "problems {} --out {out}/out.jsonl"],
    "data_prep.prompts": ["problems --path {} --out {out}/out.jsonl", "problems --path problems.jsonl --against {} --out {out}/out.jsonl"],
    "data_prep.difficulty": [
        "--problems {} --completions answers.jsonl --rm-dir rm --rm-urls http://127.0.0.1:9 --out {out}/out.jsonl",
        "--problems problems.jsonl --completions {} --rm-dir rm --rm-urls http://127.0.0.1:9 --out {out}/out.jsonl",
    ],
    "data_prep.split": ["--rows {} --first {out}/a.jsonl --second {out}/b.jsonl --share 0.5"],
    "data_prep.candidates": ["codegen16b {} --out {out}/out.jsonl"],
    "data_prep.mutants": ["--problems {} --out {out}/out.jsonl"],
    "data_prep.label": [
        "--problems {} --candidates answers.jsonl --out {out}/out.jsonl",
        "--problems problems.jsonl --candidates {} --out {out}/out.jsonl",
    ],
    "data_prep.noise": ["--problems {} --out {out}/out.jsonl", "--labelled {} --out {out}/out.jsonl"],
    "data_prep.extraction_report": ["--data {} --out {out}/out.md"],
    "data_prep.pairs": ["--labelled {} --out {out}/out.jsonl"],
    "data_prep.preferences": ["{} --out {out}/out.jsonl"],
    "data_prep.search": [
        "--problems {} --out {out}/run",
        "--problems problems.jsonl --out {out}/run --policy llm --endpoints {}",
    ],
    "data_prep.conversions": ["--trees {} --out {out}/out"],
    "data_prep.audit_judge": [
        "--problems {} --labelled labelled.jsonl --out {out}/out.md",
        "--problems problems.jsonl --labelled {} --out {out}/out.md",
    ],
    "data_prep.unit_tests.synthesis": [
        "--solutions {} --endpoints served.yaml --out {out}/out.jsonl",
        "--solutions labelled.jsonl --endpoints {} --out {out}/out.jsonl",
    ],
    "data_prep.unit_tests.offline": ["--problems {} --out {out}/out.jsonl"],
    "data_prep.unit_tests.pools": ["codegen16b {} --out {out}/out.jsonl", "coderm {} --out {out}/out.jsonl"],
    "data_prep.unit_tests.matrix": [
        "--labelled {} --tests samples.jsonl --out {out}/out.jsonl",
        "--labelled labelled.jsonl --tests {} --out {out}/out.jsonl",
    ],
    "data_prep.unit_tests.quality": ["{}"],
    "data_prep.unit_tests.suited": ["--problems {} --endpoints served.yaml --out {out}/out.jsonl"],
    "data_prep.unit_tests.training": [
        "--problems {} --tests samples.jsonl --wrong labelled.jsonl --out {out}/out.jsonl",
        "--problems problems.jsonl --tests {} --wrong labelled.jsonl --out {out}/out.jsonl",
        "--problems problems.jsonl --tests samples.jsonl --wrong {} --out {out}/out.jsonl",
    ],
    "data_prep.unit_tests.probe": ["--labelled {} --model rm --out {out}/out.jsonl"],
    "data_prep.matrices": [
        "--labelled {} --scores labelled.jsonl --out {out}/out.jsonl",
        "--labelled labelled.jsonl --scores {} --out {out}/out.jsonl",
    ],
    "data_prep.demonstrations": ["--problems {} --out {out}/out.jsonl"],
    "data_prep.tokenizer": ["--rows {} --out {out}/tokenizer"],
    "code_reward.selection": ["{}"],
    "code_reward.selection.spending": ["{}"],
    "rm_train.train": ["--pairs {} --init rm --out {out}/run", "--pairs pairs.jsonl --init {} --out {out}/run"],
    "rm_train.regress": ["--prefixes {} --init rm --out {out}/run"],
    "rm_train.preflight": ["--pairs {} --init rm --out {out}/run", "--pairs pairs.jsonl --init {} --out {out}/run"],
    "rm_train.evaluate": ["--model rm --labelled {} --out {out}/out.json", "--model {} --labelled labelled.jsonl --out {out}/out.json"],
    "rm_train.adopt": ["{} --preset generic"],
    "code_reward_slime.reward_model.prepare": [
        "--init rm --pairs {} --out {out}/prepared",
        "--init {} --pairs pairs.jsonl --out {out}/prepared",
    ],
    "code_reward_slime.reward_model.flags": ["{}"],
    "code_reward_slime.reward_model.collect": ["--exported {} --prepared {} --out {out}/run"],
    "code_reward_slime.sglang_config": ["--policy rm --rm {} --policy-gpus 1 --out {out}/out.yaml"],
    "reward_servers.embedded": ["--model {}"],
    "reward_servers.sglang_server": ["--model {}"],
    "reward_servers.gateway": [
        "--rm-dir {} --rm-url http://127.0.0.1:9",
        "--rm-dir rm --rm-url http://127.0.0.1:9 --problems {}",
    ],
    "code_reward_trl.sft": ["--data {} --out {out}/run --tokenizer rm", "--data labelled.jsonl --out {out}/run --tokenizer {}"],
    "code_reward_trl.sample": [
        "--policy {} --problems problems.jsonl --out {out}/out.jsonl",
        "--policy rm --problems {} --out {out}/out.jsonl",
    ],
    "code_reward_trl.grpo": [
        "--policy {} --problems problems.jsonl --prompts 1 --out {out}/run --reward tests",
        "--policy rm --problems {} --prompts 1 --out {out}/run --reward tests",
    ],
    "benchmarks.policy": ["--endpoint http://127.0.0.1:9/v1 --sets humaneval --humaneval-file {} --referee sandbox --out {out}/run"],
    "benchmarks.reward_model": ["--model rm --sets pool={} --out {out}/run"],
    "benchmarks.perturbations": ["--model rm --sets pool={} --out {out}/run"],
    "slime_on_cpu.model_flags": ["{}"],
}
"""What each command is told, with a place for the file that is bad."""

FILES = ["absent.jsonl", "folder", *BAD]
WRITES = {
    "score": "answers.jsonl --model rm --out {}",
    "pick": "answers.jsonl --tests problems.jsonl --out {}",
    "data_prep.sources": "problems problems.jsonl --out {}",
    "data_prep.families": "--out {}",
    "data_prep.prompts": "problems --path problems.jsonl --out {}",
    "data_prep.split": "--rows many.jsonl --first {} --second b.jsonl --share 0.5",
    "data_prep.mutants": "--problems problems.jsonl --out {}",
    "data_prep.label": "--problems problems.jsonl --candidates answers.jsonl --out {}",
    "data_prep.noise": "--labelled labelled.jsonl --out {}",
    "data_prep.pairs": "--labelled many.jsonl --out {}",
    "data_prep.preferences": "pairs.jsonl --out {}",
    "data_prep.search": "--problems problems.jsonl --out {}",
    "data_prep.unit_tests.matrix": "--labelled labelled.jsonl --tests samples.jsonl --out {}",
    "data_prep.matrices": "--labelled labelled.jsonl --scores labelled.jsonl --out {}",
    "data_prep.demonstrations": "--problems problems.jsonl --out {}",
    "data_prep.tokenizer": "--rows labelled.jsonl --out {}",
    "rm_train.train": "--pairs pairs.jsonl --init rm --recipe tiny --out {}",
    "rm_train.evaluate": "--model rm --labelled many.jsonl --out {}",
    "code_reward_slime.sglang_config": "--policy rm --rm rm --policy-gpus 1 --out {}",
    "code_reward_slime.reward_model.prepare": "--init rm --pairs pairs.jsonl --out {}",
}
"""What each command is told that writes, all of it right but the place."""
OTHERS = [
    ("data_prep.label", "--problems rows.txt --candidates rows.txt --out out.jsonl"),
    ("data_prep.label", "--problems problems.jsonl --candidates answers.jsonl --out out.jsonl --cpu-seconds -1"),
    ("score", "answers.jsonl --model absent"),
    ("pick", "answers.jsonl"),
    ("data_prep.search", "--problems problems.jsonl --out run --change uct"),
    ("data_prep.search", "--problems problems.jsonl --out run --change wave=many"),
    ("data_prep.search", "--problems problems.jsonl --out run --change colour=red"),
    ("data_prep.search", "--problems problems.jsonl --out run --policy llm --endpoints endpoints.yaml"),
    ("data_prep.search", "--problems problems.jsonl --out run --policy llm --endpoints not.yaml"),
    ("data_prep.search", "--problems problems.jsonl --out run --policy llm --endpoints served.yaml"),
    ("reward_servers.embedded", "--model rm --port 99999"),
]
SLOW = ["aiohttp", "code_reward_trl.policy", "pyarrow.parquet", "rm_train.fit", "trl.trainer.grpo_trainer", "trl.trainer.sft_trainer"]
"""What several of these commands import before they look at what they are given."""
READS_NOTHING = {
    *("data_prep.families", "rm_train.memory", "reward_servers.sandbox", "code_reward_slime.preflight", "doctor"),
    *MODULES["slime without a GPU"],
}


def cases(every: bool) -> list[tuple[str, str]]:
    """Each line with `every` bad file, or with two of them, in turn: then each command meets some, and each file many commands."""
    lines = [(name, line) for name, several in READS.items() for line in several]
    met = [
        (name, line.replace("{}", FILES[(n + i) % len(FILES)]))
        for n, (name, line) in enumerate(lines)
        for i in (range(len(FILES)) if every else (0, 3))
    ]
    met += [(name, line.replace("{}", model)) for name, line in TAKES_MODEL.items() for model in MODELS]
    met += [(name, line.replace("{}", "problems.jsonl/out.jsonl")) for name, line in WRITES.items()]
    return [(name, line.replace("{out}", f"out{number}")) for number, (name, line) in enumerate([*met, *OTHERS])]


CASES = cases(every=os.environ.get("CODE_REWARD_TEST_EVERY_BAD_INPUT") == "1")


def test_no_command_that_reads_what_a_person_gives_is_left_out():
    assert READS.keys() | READS_NOTHING == {name for stage in MODULES.values() for name in stage} | set(SUBCOMMANDS)


@pytest.mark.timeout(1200)
def test_what_people_hand_over_by_mistake_is_told_in_one_sentence(folder):
    given = [as_module("code-reward" if name in SUBCOMMANDS else "python", name, line.split(), folder) for name, line in CASES]
    done = run_modules(given, ENVIRONMENT, SLOW)
    told = {f"{name} {line}": said for (name, line), one in zip(CASES, done, strict=True) if (said := complaint(one))}
    assert told == {}


def test_a_name_on_the_hub_says_how_to_get_the_folder(folder):
    done = run("code-reward", "score", "problems.jsonl", "--model", "Owner/some-model", cwd=folder)
    assert "hf download Owner/some-model --local-dir models/some-model" in done.stderr

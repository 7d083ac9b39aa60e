"""docs/slime.md says what the code does: its tables are made from it, its example is a valid config, its flags are slime's."""

import os
import re
from pathlib import Path

import pytest
import yaml
from code_reward_slime import reference
from code_reward_slime.settings import read_settings
from slime_samples import make_args

DOCS = Path(__file__).parents[2] / "docs" / "slime.md"
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")


def code_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)


@pytest.mark.parametrize("table", [reference.settings_table, reference.metrics_table])
def test_the_tables_are_those_of_the_code(table):
    assert table() in DOCS.read_text(), "update docs/slime.md with the output of python -m code_reward_slime.reference"


def test_every_key_and_every_name_has_a_meaning():
    for table in (reference.settings_table(), reference.metrics_table()):
        assert [row for row in table.splitlines() if row.endswith("|  |")] == []


def test_every_example_of_a_config_is_valid():
    examples = [yaml.safe_load(block) for block in code_blocks("yaml")]
    ours = [example for example in examples if any(key.startswith("code_reward_") for key in example)]
    assert ours
    for example in ours:
        read_settings(make_args(**example))


def test_every_flag_that_is_named_is_slimes():
    root = os.environ.get("SLIME_ROOT")
    if not root:
        pytest.skip("SLIME_ROOT is not set: not checked is whether slime knows the flags in docs/slime.md")
    ours = {
        "--config",
        "--gpus",
        "--problems",
        "--completions",
        "--rm-dir",
        "--rm-urls",
        "--rm-dtype",
        "--out",
        "--path",
        "--dry-run",
        "--on-paper",
    }
    megatron = {"--spec"}
    known = "".join(path.read_text() for path in Path(root).glob("slime/**/arguments.py"))
    flags = set(FLAG.findall(DOCS.read_text())) - ours - megatron
    assert {"--custom-rm-path", "--custom-config-path"} <= flags
    assert [flag for flag in sorted(flags) if f'"{flag}"' not in known] == []

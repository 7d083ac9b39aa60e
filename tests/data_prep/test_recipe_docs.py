"""Every field of a search's recipe stands in the guide with its default, so that nobody has to read the code for `--change`."""

import math
import re
from pathlib import Path

import pytest

from data_prep.search.recipe import RECIPES, Recipe

GUIDE = Path(__file__).parents[2] / "docs" / "reward_data.md"
ROWS = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", Recipe.model_fields)
def test_the_guide_knows_every_field_with_its_default(name: str) -> None:
    default = getattr(RECIPES["default"], name)
    said = "√2" if default == math.sqrt(2) else str(default).lower()
    assert ROWS[name].strip("` ") == said


def test_the_guide_knows_no_other_field() -> None:
    assert set(ROWS) == set(Recipe.model_fields)

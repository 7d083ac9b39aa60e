"""What holds for all tests."""

import importlib.metadata

import pytest
from hypothesis import settings

from code_reward.plugins import GROUP, forget

# A shared machine is slow at times; where speed is promised, a test of its own measures it.
settings.register_profile("code-reward", deadline=None)
settings.load_profile("code-reward")


def _place(found: importlib.metadata.EntryPoint) -> tuple[str, str]:
    return found.value, str(found.dist.locate_file("")) if found.dist else ""


_FIND = importlib.metadata.entry_points
_INSTALLED = {_place(found) for found in _FIND(group=GROUP)}
"""Plugins of whoever runs the tests: they add names, and tests know ours and those that they install themselves."""


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    if _INSTALLED:
        monkeypatch.setattr(
            "importlib.metadata.entry_points", lambda group: [one for one in _FIND(group=group) if _place(one) not in _INSTALLED]
        )
        forget()

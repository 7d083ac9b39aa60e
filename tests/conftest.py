"""What holds for all tests."""

import importlib.metadata

import pytest
from hypothesis import HealthCheck, settings

from code_reward.plugins import GROUP, forget

# A shared machine is slow at times; where speed is promised, a test of its own measures it. The examples are the same in every run, as
# Hypothesis has it in CI by itself: a change is not red for what another has broken. `--hypothesis-profile=explore` draws new ones.
settings.register_profile("code-reward", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
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


@pytest.fixture
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint of a language model that failed is asked again soon."""
    monkeypatch.setattr("data_prep.llm.fleet._FIRST_REST", 0.01)
    monkeypatch.setattr("data_prep.llm.fleet._LONGEST_REST", 0.05)

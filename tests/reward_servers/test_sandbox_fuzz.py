"""Nonsense at a server, with programs of known verdicts among it; the whole is `make bench-sandbox ARGS=fuzz`."""

import time

import pytest

from scripts.bench_sandbox import fuzz
from scripts.bench_sandbox.health import watching


async def test_nonsense_is_answered_and_verdicts_stay_right(sandbox_url, monkeypatch):
    monkeypatch.setattr(fuzz, "_LARGE", 1 << 20)
    found = await fuzz.attack(sandbox_url, 300, seed=3)
    assert found.faults == []
    assert found.verdicts > 100
    assert found.statuses[200] > found.verdicts // 2
    assert found.statuses[422] > 30


def test_what_the_openapi_document_allows_is_answered(sandbox_url):
    pytest.importorskip("schemathesis", reason="schemathesis is not installed (make install)")
    found = fuzz.attack_by_schema(sandbox_url, 5)
    assert found.faults == []
    assert set(found.statuses) >= {200, 422}


def test_health_is_asked_meanwhile(sandbox_url):
    with watching(sandbox_url) as waits:
        time.sleep(0.5)
    assert all(0 < seconds < 60 for seconds in waits)
    assert waits == sorted(waits)

"""Nonsense at a server, with programs of known verdicts among it; the whole is `make bench-sandbox ARGS=fuzz`."""

import pytest

from scripts.bench_sandbox import fuzz


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
